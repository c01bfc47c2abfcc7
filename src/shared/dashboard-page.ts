/**
 * The dashboard's panes in reading order, shared by the static page below and the script that fills
 * it. `wide` panes take the whole width.
 */
export const DASHBOARD_PANES = [
  { id: 'loss', title: 'Loss', wide: false },
  { id: 'metrics', title: 'Evaluation metrics', wide: false },
  { id: 'sharpness', title: 'Sharpness, all modules', wide: false },
  { id: 'schedule', title: 'η, ρ and gradient norm', wide: false },
  { id: 'heatmap', title: 'Layers × steps', wide: true },
  { id: 'lines', title: 'Selected layers', wide: true },
  { id: 'theorem1', title: 'Theorem 1: balancedness rate and bounds', wide: true },
  { id: 'theorem2', title: 'Theorem 2: the moving average against SAM', wide: true },
  { id: 'shares', title: 'FlatPO: what the largest coordinates carry', wide: true },
  { id: 'share-layers', title: 'FlatPO: the largest coordinates per layer', wide: true },
  { id: 'latest', title: 'Latest values per layer', wide: true },
  { id: 'notes', title: 'Run notes', wide: true },
] as const;

export type PaneId = (typeof DASHBOARD_PANES)[number]['id'];

/**
 * The static body of the dashboard, for the extension's panel and the report: what is on screen
 * before, or without, any script, so that no pane is ever blank.
 */
export function dashboardBody(): string {
  const panes = DASHBOARD_PANES.map(
    ({ id, title, wide }) => `
    <section class="card${wide ? ' wide' : ''}" id="pane-${id}" aria-labelledby="title-${id}">
      <h2 id="title-${id}">${title}</h2>
      <p class="placeholder">Loading the page. Nothing has been read yet.</p>
    </section>`,
  );
  return `<div id="dashboard">
  <header id="run-header">
    <h1>Flatscape run</h1>
    <p class="placeholder">Loading the run. If this stays, close this tab and open the run again from the Runs view.</p>
  </header>
  <div id="banners"></div>
  <main id="panes">${panes.join('')}
  </main>
  <div id="announcer" class="visually-hidden" role="status" aria-live="polite"></div>
</div>`;
}
