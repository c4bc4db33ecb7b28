// A chart that is pinned to a release: says when a later release is current, and whether its figures differ.
// From a file or another server nothing is known of other releases: the page then shows its date alone.
(async () => {
  const found = location.pathname.match(/^(.*)\/releases\/(\d{8}T\d{6}Z)\/(embed\/.+)$/);
  if (!found || !location.protocol.startsWith("http")) return;
  const [, base, pinned, file] = found;
  try {
    const current = await fetch(`${base}/current/release.json`);
    if (!current.ok || (await current.json()).release_id <= pinned) return;
    const page = await fetch(`${base}/current/${file}`);
    const drawn = page.ok ? new DOMParser().parseFromString(await page.text(), "text/html") : null;
    const same = drawn && drawn.documentElement.dataset.figures === document.documentElement.dataset.figures;
    const note = document.getElementById("newer");
    const link = note.querySelector("a");
    link.href = `${base}/current/${file}`;
    link.textContent = same ? note.dataset.same : note.dataset.changed;
    note.hidden = false;
  } catch {
    // no answer: nothing is claimed
  }
})();
