import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HEAT_LEVELS } from '../../../src/shared/layers/heat';

interface Colour {
  readonly id: string;
  readonly defaults: Record<Theme, string>;
}
type Theme = keyof typeof THEMES;
type Rgb = readonly number[];

/** Text and background of the editor: Dark Modern, Light Modern and the two high-contrast themes. */
const THEMES = {
  dark: ['#cccccc', '#1f1f1f'],
  light: ['#3b3b3b', '#ffffff'],
  highContrast: ['#ffffff', '#000000'],
  highContrastLight: ['#292929', '#ffffff'],
} as const;
/** WCAG 2.1, 1.4.3 and for high contrast 1.4.6. */
const LEGIBLE = { dark: 4.5, light: 4.5, highContrast: 7, highContrastLight: 7 } as const;

const file = path.resolve(__dirname, '../../../package.json');
const { contributes } = JSON.parse(fs.readFileSync(file, 'utf8')) as {
  contributes: { colors: readonly Colour[] };
};
const heat = contributes.colors.filter(({ id }) => id.startsWith('flatscape.heat'));

describe('the colours of the layers document', () => {
  it('are declared, one per level', () => {
    const ids = Array.from({ length: HEAT_LEVELS }, (_, i) => `flatscape.heat${i + 1}`);
    expect(heat.map(({ id }) => id)).toEqual(ids);
  });

  it.each(Object.keys(THEMES) as Theme[])('leave the numbers legible: %s', (theme) => {
    const [text, background] = THEMES[theme].map(rgb) as [Rgb, Rgb];
    for (const { id, defaults } of heat) {
      const contrast = ratio(text, blend(defaults[theme], background));
      expect(contrast, id).toBeGreaterThanOrEqual(LEGIBLE[theme]);
    }
  });

  it.each(Object.keys(THEMES) as Theme[])('differ from level to level: %s', (theme) => {
    const background = rgb(THEMES[theme][1]);
    const light = [background, ...heat.map((h) => blend(h.defaults[theme], background))];
    const steps = light.slice(1).map((colour, i) => ratio(colour, light[i] ?? colour));
    for (const step of steps) expect(step).toBeGreaterThan(1.08);
  });
});

function rgb(hex: string): Rgb {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** A colour with alpha on an opaque one. */
function blend(hex: string, under: Rgb): Rgb {
  const alpha = parseInt(hex.slice(7, 9), 16) / 255;
  return rgb(hex).map((channel, i) => alpha * channel + (1 - alpha) * (under[i] ?? 0));
}

/** WCAG contrast of two opaque colours. */
function ratio(a: Rgb, b: Rgb): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Rgb): number {
  const linear = colour.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return linear.reduce((sum, c, i) => sum + c * ([0.2126, 0.7152, 0.0722][i] ?? 0), 0);
}
