/** sRGB, each 0 to 255. */
export type Rgb = readonly [number, number, number];

/**
 * Reads the forms that VS Code writes into its theme variables: `#rgb`, `#rrggbb`, `#rrggbbaa`,
 * `rgb(…)` and `rgba(…)`. A translucent colour is laid over `under`.
 */
export function parseColor(text: string, under: Rgb = [0, 0, 0]): Rgb | undefined {
  const value = text.trim();
  const hex = /^#([\da-f]{3,8})$/i.exec(value)?.[1];
  const numbers = hex ? hexChannels(hex) : functionChannels(value);
  if (!numbers) return undefined;
  const [red = 0, green = 0, blue = 0, alpha = 1] = numbers;
  return mix(under, [red, green, blue], alpha);
}

/** `share` of `over`, the rest `under`, channel by channel. */
export function mix(under: Rgb, over: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => (under[i] ?? 0) + share * ((over[i] ?? 0) - (under[i] ?? 0))) as [
    number,
    number,
    number,
  ];
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${Math.round(red)}, ${Math.round(green)}, ${Math.round(blue)})`;
}

/** Relative luminance of WCAG 2, 0 (black) to 1 (white). */
export function luminance(color: Rgb): number {
  const [red = 0, green = 0, blue = 0] = color.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function hexChannels(hex: string): number[] | undefined {
  const long = hex.length <= 4 ? [...hex].map((digit) => digit + digit).join('') : hex;
  if (long.length !== 6 && long.length !== 8) return undefined;
  const bytes = (long.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
  return [...bytes.slice(0, 3), (bytes[3] ?? 255) / 255];
}

function functionChannels(value: string): number[] | undefined {
  const inside = /^rgba?\(([^)]*)\)$/i.exec(value)?.[1];
  const numbers = inside?.split(/[\s,/]+/).map(Number);
  return numbers && numbers.length >= 3 && numbers.every(Number.isFinite) ? numbers : undefined;
}
