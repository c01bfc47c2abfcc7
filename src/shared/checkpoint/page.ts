/** The checkpoint editor's panes, shared by the static page below and the script that fills it. */
export const CHECKPOINT_PANES = [
  { id: 'tensors', title: 'Tensors', wide: false },
  { id: 'selection', title: 'Selection', wide: false },
  { id: 'histogram', title: 'Histogram', wide: false },
  { id: 'spectrum', title: 'Singular values of ΔW', wide: false },
  { id: 'pairs', title: 'LoRA pairs', wide: true },
  { id: 'metadata', title: 'Metadata', wide: true },
] as const;

/** What is on screen before, or without, any script, so that no pane is ever blank. */
export function checkpointBody(): string {
  const panes = CHECKPOINT_PANES.map(
    ({ id, title, wide }) => `
    <section class="card${wide ? ' wide' : ''}" id="pane-${id}" aria-labelledby="title-${id}">
      <h2 id="title-${id}">${title}</h2>
      <p class="placeholder">Loading the page. Nothing has been read yet.</p>
    </section>`,
  );
  return `<div id="checkpoint">
  <header id="file-header">
    <h1>Checkpoint</h1>
    <p class="placeholder">Loading the editor. If this stays, close this tab and open the file again.</p>
  </header>
  <div id="banners"></div>
  <main id="panes">${panes.join('')}
  </main>
  <div id="announcer" class="visually-hidden" role="status" aria-live="polite"></div>
</div>`;
}
