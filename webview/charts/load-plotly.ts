import type { PlotlyModule } from './plotly';

let loading: Promise<PlotlyModule> | undefined;

/**
 * Plotly, loaded once, when the first chart needs it. A report has it inline; a panel names its uri
 * in `<body data-plotly>`. A dynamic import carries the nonce of the script that asks for it.
 * @throws Error when the page offers neither
 */
export function loadPlotly(): Promise<PlotlyModule> {
  return (loading ??= load());
}

async function load(): Promise<PlotlyModule> {
  if (globalThis.flatscapePlotly) return globalThis.flatscapePlotly;
  const uri = document.body.dataset['plotly'];
  if (!uri) throw new Error('the page does not say where plotly is (<body data-plotly>)');
  await import(uri);
  if (!globalThis.flatscapePlotly) throw new Error(`${uri} is not Flatscape's plotly`);
  return globalThis.flatscapePlotly;
}
