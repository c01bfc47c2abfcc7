/** The static body of the landscape page: what is on screen before, or without, any script. */
export function landscapeBody(): string {
  return `<div id="landscape">
  <header id="run-header">
    <h1>Flatscape inspection</h1>
    <p class="placeholder">Loading the inspection. If this stays, close this tab and open it again with “Flatscape: Open Inspection...”.</p>
  </header>
  <div id="banners"></div>
  <main id="panes">
    <section class="card wide" id="pane-waiting" aria-label="Results">
      <p class="placeholder">Loading the page. Nothing has been read yet.</p>
    </section>
  </main>
  <div id="announcer" class="visually-hidden" role="status" aria-live="polite"></div>
</div>`;
}
