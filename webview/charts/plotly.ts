import Plotly from 'plotly.js-dist';

/**
 * The only importer of plotly, built as a file of its own. The dashboard loads it when the first
 * chart is drawn; a report holds it inline. Either way the page finds it under this name.
 */
export type PlotlyModule = typeof Plotly;
export type {
  Config,
  Data,
  Layout,
  LayoutAxis,
  PlotlyHTMLElement,
  PlotMouseEvent,
} from 'plotly.js-dist';

declare global {
  var flatscapePlotly: PlotlyModule | undefined;
}

globalThis.flatscapePlotly = Plotly;
