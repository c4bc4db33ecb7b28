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

  const query = document.querySelector("[data-query]");
  const asked = new URLSearchParams(location.search).get("q");
  if (query && asked) {
    query.value = asked;
    query.dispatchEvent(new Event("input"));
  }

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

  const embed = document.querySelector("[data-embed]");
  const served = location.protocol.startsWith("http") && location.pathname.match(/^(.*)\/releases\/(\d{8}T\d{6}Z)\//);
  if (embed && served) {
    const [, base, release] = served;
    const code = embed.querySelector("textarea");
    const button = embed.querySelector("button");
    const copy = button.textContent;
    const write = () => {
      const pinned = embed.querySelector("input:checked").value === "pinned";
      const file = `embed/${document.documentElement.lang}/${embed.dataset.embed}.html`;
      const frame = document.createElement("iframe");
      frame.src = `${location.origin}${base}/${pinned ? `releases/${release}` : "current"}/${file}`;
      frame.title = embed.dataset.title;
      frame.loading = "lazy";
      frame.style = "width:100%;height:30rem;border:0";
      code.value = frame.outerHTML;
      button.textContent = copy;
    };
    embed.addEventListener("change", write);
    button.addEventListener("click", async () => {
      code.select();
      // the clipboard is closed to pages that are served without encryption from another machine
      if (navigator.clipboard) await navigator.clipboard.writeText(code.value);
      else document.execCommand("copy");
      button.textContent = button.dataset.copied;
    });
    write();
  }

  const since = document.querySelector("[data-since]");
  if (since && typeof SINCE !== "undefined") {
    const place = document.getElementById("since");
    const told = place.querySelector("[data-told]");
    const numbers = new Intl.NumberFormat(document.documentElement.lang, { useGrouping: "always" });
    const cell = (tag, content, number) => {
      const made = document.createElement(tag);
      made.append(content);
      if (tag === "th") made.scope = "row";
      if (number) made.className = "num";
      return made;
    };
    const row = (...cells) => {
      const made = document.createElement("tr");
      made.append(...cells);
      return made;
    };
    const indicator = (id) => {
      if (!(id in SINCE.indicators)) return cell("th", id);
      const link = document.createElement("a");
      link.href = `indicator-${id}.html`;
      link.textContent = SINCE.indicators[id];
      return cell("th", link);
    };
    const fill = (id, rows) => {
      const table = document.getElementById(id);
      table.closest(".scroll").hidden = !rows.length;
      table.tBodies[0].replaceChildren(...rows);
    };
    // the rule of changed_since in assets/site/pages/since.py, for any day
    const show = () => {
      const day = since.value;
      place.hidden = !day;
      if (!day) return;
      const revised = [];
      const entered = new Map();
      const enter = (id, count, first, last) => {
        const sum = entered.get(id) || [0, first, last];
        entered.set(id, [sum[0] + count, sum[1] < first ? sum[1] : first, sum[2] > last ? sum[2] : last]);
      };
      for (const [id, geo, period, versions] of SINCE.revised) {
        const then = versions.filter(([known]) => known <= day).pop();
        const now = versions[versions.length - 1];
        if (!then || then[2] === null) {
          if (now[2] !== null) enter(id, 1, period, period);
        } else if (then[1] !== now[1])
          revised.push([id, geo, period, then[2], now[2]]);
      }
      for (const [id, known, count, first, last] of SINCE.entered) if (known > day) enter(id, count, first, last);
      const withdrawn = document.querySelector("#revised tbody").dataset.withdrawn;
      fill("revised", revised.map(([id, geo, period, then, now]) =>
        row(indicator(id), cell("td", SINCE.places[geo]), cell("td", SINCE.periods[period]), cell("td", then, true), cell("td", now === null ? withdrawn : now, true))));
      fill("entered", [...entered].map(([id, [count, first, last]]) =>
        row(indicator(id), cell("td", numbers.format(count), true), cell("td", SINCE.periods[first] + (last === first ? "" : `–${SINCE.periods[last]}`)))));
      const total = [...entered.values()].reduce((sum, [count]) => sum + count, 0);
      told.textContent = told.dataset.told.replace("#", numbers.format(revised.length)).replace("@", numbers.format(total));
    };
    since.addEventListener("input", show);
    show();
  }
})();
