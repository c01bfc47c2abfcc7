import type { PlotlyModule } from './plotly';

let loading: Promise<PlotlyModule> | undefined;

/**
 * Plotly, loaded once. A report has it inline; a panel names its uri in `<body data-plotly>`.
 * @throws Error when the page offers neither, or the file cannot be loaded
 */
export function loadPlotly(): Promise<PlotlyModule> {
  return (loading ??= load());
}

async function load(): Promise<PlotlyModule> {
  const uri = document.body.dataset['plotly'];
  if (!globalThis.flatscapePlotly) {
    if (!uri) throw new Error('the page does not say where plotly is (<body data-plotly>)');
    await loadScript(uri);
  }
  if (!globalThis.flatscapePlotly) throw new Error(`${uri} is not Flatscape's plotly`);
  return globalThis.flatscapePlotly;
}

/** The policy lets in what carries the nonce of the page's own script. */
function loadScript(uri: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? '';
    script.src = uri;
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(`${uri} could not be loaded`));
    document.head.append(script);
  });
}
