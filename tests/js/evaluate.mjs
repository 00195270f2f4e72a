/* Reads {module, calls: [{name, args}]} from stdin, calls the functions of that compute module, writes the results.
   So that pytest can compare what the figures show with the reference package. Infinity travels as "Infinity". */

const text = await new Promise((resolve) => {
  let read = "";
  process.stdin.on("data", (chunk) => (read += chunk)).on("end", () => resolve(read));
});
const { module, calls } = JSON.parse(text, (_, value) => (value === "Infinity" ? Infinity : value));
const functions = await import(new URL(`../../book/_static/figures/compute/${module}.js`, import.meta.url));
const results = calls.map(({ name, args }) => {
  try {
    return { value: functions[name](...args) };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(results));
