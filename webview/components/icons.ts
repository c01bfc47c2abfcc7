/** Status marks, 16 x 16, drawn in the text colour so that every theme can read them. */
const PATHS = {
  running: 'M4 2.5v11l9-5.5z',
  completed: 'M6.3 12.6 2 8.3l1.2-1.2 3.1 3.1 6.5-6.6L14 4.8z',
  stopped: 'M3.5 3.5h9v9h-9z',
  failed:
    'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm3.4 9.2-1.2 1.2L8 9.2l-2.2 2.2-1.2-1.2L6.8 8 4.6 5.8l1.2-1.2L8 6.8l2.2-2.2 1.2 1.2L9.2 8z',
  interrupted: 'M8 1.2 15.2 14H.8zm-.8 4.6v4h1.6v-4zm0 5v1.6h1.6v-1.6z',
  connecting: 'M8 1a7 7 0 1 0 7 7h-1.6A5.4 5.4 0 1 1 8 2.6z',
} as const;

export type IconName = keyof typeof PATHS;

const SVG = 'http://www.w3.org/2000/svg';

/** Decorative: the text beside it says the same. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  path.setAttribute('fill', 'currentColor');
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  return svg;
}
