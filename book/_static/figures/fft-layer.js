/* FFT against the definition in a layer: a map over kernels and channels; batch, size and period by controls. */

import { layerProducts, powerOfTwo, transforms } from "./compute/layers.js";
import { CourseFigure, define, grid, h, plural, s, show, signed } from "./base.js";

const [ROWS, KERNELS, SIZE, LEFT, BELOW] = [8, 15, 24, 40, 22];

class FftLayer extends CourseFigure {
  static defaults = { images: 1, side: 128, kernel: 3, doublings: 0, period: "power" };

  build() {
    this.slider({ label: "kernel k", key: "kernel", min: 1, max: KERNELS });
    this.slider({ label: "channels C = F", key: "doublings", min: 0, max: ROWS - 1, format: (value) => String(2 ** value) });
    this.slider({ label: "images N", key: "images", min: 1, max: 64 });
    this.slider({ label: "side n", key: "side", min: 8, max: 256, step: 8 });
    this.choice({ label: "Period", key: "period", options: { power: "power of two", exact: "n + k − 1" } });
    this.map = this.panel("Side of the kernel across, channels upwards; red: the FFT takes fewer products", {
      label: "Map of products of the FFT against the definition",
      help: "Arrow keys choose a kernel and a number of channels.",
      key: (name) => {
        const by = { left: [-1, 0], right: [1, 0], up: [0, 1], down: [0, -1] }[name];
        if (!by) return false;
        return this.go(this.state.kernel + by[0], this.state.doublings + by[1]);
      },
      pick: (r, c) => this.go(c + 1, ROWS - 1 - r),
    });
  }

  go(kernel, doublings) {
    this.set({ kernel: Math.max(1, Math.min(KERNELS, kernel)), doublings: Math.max(0, Math.min(ROWS - 1, doublings)) });
  }

  products(kernel, channels) {
    const { images, side, period } = this.state;
    const room = side + kernel - 1;
    return layerProducts(images, channels, channels, side, kernel, period === "power" ? powerOfTwo(room) : room);
  }

  draw() {
    const { images, side, kernel, doublings } = this.state;
    const cells = grid(ROWS, KERNELS, SIZE, (r, c) => {
      const [direct, fft] = this.products(c + 1, 2 ** (ROWS - 1 - r));
      const current = c + 1 === kernel && ROWS - 1 - r === doublings;
      return { fill: signed(Math.max(-1, Math.min(1, Math.log2(direct / fft) / 5))), classes: current ? "current" : "" };
    }, { x: LEFT });
    const label = (x, y, text) => s("text", { x, y, "font-size": 12, class: "cf-muted" }, String(text));
    for (let r = 0; r < ROWS; r++) cells.push(label(LEFT / 2, (r + 0.5) * SIZE, 2 ** (ROWS - 1 - r)));
    for (let k = 1; k <= KERNELS; k += 2) cells.push(label(LEFT + (k - 0.5) * SIZE, ROWS * SIZE + BELOW / 2, k));
    this.map.draw(LEFT + KERNELS * SIZE, ROWS * SIZE + BELOW, cells);
    const channels = 2 ** doublings;
    const [direct, fft] = this.products(kernel, channels);
    const fewer = fft < direct;
    this.say(
      `${plural(images, "image")} of ${side} × ${side}, ${plural(channels, "channel")}, ${plural(channels, "filter")} of ${kernel} × ${kernel}: ` +
        `${fewer ? "the definition" : "the FFT"} takes ${show(fewer ? direct / fft : fft / direct)} times the products of ${fewer ? "the FFT" : "the definition"}. ` +
        `${plural(transforms(images, channels, channels), "transform")} serve ${plural(images * channels ** 2, "convolution")}.`,
      h("p", { class: "cf-formula" }, `definition ${direct.toLocaleString("en")}, FFT ${Math.round(fft).toLocaleString("en")}`),
    );
  }
}

define("fft-layer", FftLayer);
