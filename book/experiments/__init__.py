"""What the chapters measure: a seed in, arrays out. Each module belongs to the chapter of its name, and is tested."""
