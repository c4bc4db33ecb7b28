// What the pages do beyond reading: sort and filter tables, go to a territory, count the news since a date.
// Every page is whole without it; the tools it needs are hidden until it runs.
(() => {
  for (const tool of document.querySelectorAll(".tool[hidden]")) tool.hidden = false;

  for (const form of document.querySelectorAll("form[data-go]"))
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.href = form.querySelector("select").value;
    });

  for (const input of document.querySelectorAll("[data-filter]"))
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      for (const row of document.querySelectorAll(input.dataset.filter)) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });

  const value = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    return cell.textContent.trim() && !cell.classList.contains("num") ? cell.textContent.trim() : null;
  };
  for (const table of document.querySelectorAll("table.sortable"))
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [value(row, column), row]);
        rows.sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null);
          const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), document.documentElement.lang);
          return down ? -order : order;
        });
        body.append(...rows.map(([, row]) => row));
      });
    });

  const since = document.querySelector("[data-since]");
  if (since) {
    const told = document.querySelector("output[data-template]");
    const rows = [...document.querySelectorAll("[data-day]")];
    since.addEventListener("input", () => {
      let shown = 0;
      for (const row of rows) {
        row.hidden = Boolean(since.value) && row.dataset.day <= since.value;
        shown += !row.hidden;
      }
      told.textContent = since.value ? told.dataset.template.replace("#", shown) : "";
    });
  }
})();
