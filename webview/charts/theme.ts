import { css, luminance, mix, parseColor, type Rgb } from './colors';

type ColorScale = [number, string][];

/** What the charts take from the editor's theme. */
export interface Theme {
  readonly dark: boolean;
  readonly highContrast: boolean;
  readonly background: string;
  readonly foreground: string;
  readonly muted: string;
  readonly grid: string;
  readonly border: string;
  readonly font: string;
  /** Line colours, most distinct first. */
  readonly palette: readonly string[];
  readonly sequential: ColorScale;
  readonly diverging: ColorScale;
  /** Background to a tint that the foreground can be read on. */
  readonly faint: ColorScale;
}

/** Neighbours in this order are easy to tell apart in the stock themes; yellow is weak on white. */
const PALETTE = ['blue', 'orange', 'green', 'purple', 'red', 'yellow'] as const;

/** For themes whose `charts.orange` is none: the stock ones set the minimap's faint highlight. */
const ORANGE: Record<'dark' | 'light', Rgb> = { dark: [214, 136, 38], light: [176, 84, 0] };

/** Only where the page is no webview and has no theme: the report supplies its own variables. */
const FALLBACK = { background: '#ffffff', foreground: '#1f1f1f', chart: '#0063d3' };

/** Reads the theme variables as they are now. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const read = (name: string, under: Rgb): Rgb | undefined =>
    parseColor(style.getPropertyValue(`--vscode-${name}`), under);
  const black: Rgb = [0, 0, 0];
  const background = read('editor-background', black) ?? (parseColor(FALLBACK.background) as Rgb);
  const foreground = read('foreground', background) ?? (parseColor(FALLBACK.foreground) as Rgb);
  const dark = luminance(background) < 0.4;
  const chart = (name: string): Rgb => {
    const color = read(`charts-${name}`, background);
    // Opaque: the same over everything.
    const opaque = color && css(color) === css(read(`charts-${name}`, foreground) ?? black);
    if (name === 'orange' && !opaque) return ORANGE[dark ? 'dark' : 'light'];
    return color ?? (parseColor(FALLBACK.chart) as Rgb);
  };
  const highContrast = /\bvscode-high-contrast/.test(document.body.className);
  return {
    dark,
    highContrast,
    background: css(background),
    foreground: css(foreground),
    muted: css(read('descriptionForeground', background) ?? foreground),
    grid: css(mix(background, foreground, highContrast ? 0.3 : 0.12)),
    border: css(mix(background, foreground, highContrast ? 0.9 : 0.3)),
    font: style.getPropertyValue('--vscode-font-family') || 'system-ui, sans-serif',
    palette: PALETTE.map((name) => css(chart(name))),
    sequential: sequentialScale(background, foreground, chart('blue')),
    faint: [
      [0, css(background)],
      [1, css(mix(background, chart('blue'), 0.4))],
    ],
    diverging: divergingScale(background, foreground, [chart('blue'), chart('orange')]),
  };
}

/**
 * Calls back after the theme changed: VS Code rewrites the root's style and the body's class, a
 * browser switches its preferred scheme.
 */
export function observeTheme(changed: () => void): void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ['style', 'class'] });
  observer.observe(document.body, { attributeFilter: ['class', 'data-vscode-theme-kind'] });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}

/** From near the background to near the foreground: lightness rises or falls all the way. */
function sequentialScale(background: Rgb, foreground: Rgb, hue: Rgb): ColorScale {
  return [
    [0, css(mix(background, hue, 0.12))],
    [0.5, css(mix(background, hue, 0.75))],
    [0.75, css(hue)],
    [1, css(mix(hue, foreground, 0.8))],
  ];
}

/** The middle is not the background: a gap (not applicable) must not look like a zero. */
function divergingScale(
  background: Rgb,
  foreground: Rgb,
  [low, high]: readonly [Rgb, Rgb],
): ColorScale {
  const middle = mix(background, foreground, 0.1);
  return [
    [0, css(mix(low, foreground, 0.5))],
    [0.2, css(low)],
    [0.5, css(middle)],
    [0.8, css(high)],
    [1, css(mix(high, foreground, 0.5))],
  ];
}
