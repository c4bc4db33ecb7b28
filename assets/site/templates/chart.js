// The interactive chart of an indicator's page: choose territories, read values, save the picture. The data is in CHART, the
// script beside the page; the coordinates follow assets/site/charts.py. Without this script the page shows the same chart
// with the default territories. The choice is in the address, so that a link shares it.
(() => {
  const box = document.querySelector("[data-chart]");
  if (!box || typeof CHART === "undefined") return;
  const figure = box.closest("figure");
  const area = box.querySelector(".area");
  const svg = area.querySelector("svg");
  const word = CHART.words;
  const ORDER = ["region", "seat", "country", "chosen", "peer"];
  const GAP = 56;
  // the highest value as a multiple of our highest, above which it presses our lines to the axis
  const PRESSED = 5;
  const lang = document.documentElement.lang;
  const number = (value, digits) =>
    new Intl.NumberFormat(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: "always" }).format(value).replace("-", "−");
  const element = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  // -- the choice

  const chips = figure.querySelector(".chips");
  const boxes = new Map([...figure.querySelectorAll(".chips input")].map((input) => [input.value, input]));
  const parse = () => new URLSearchParams(location.hash.slice(1)).get("c")?.split(",").filter((geo) => geo in CHART.series) || [];
  let chosen = parse();
  const share = () => {
    const rest = new URLSearchParams(location.hash.slice(1));
    if (chosen.length) rest.set("c", chosen.join(","));
    else rest.delete("c");
    const hash = decodeURIComponent(rest.toString());
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };
  const choose = (geo, on) => {
    chosen = chosen.filter((other) => other !== geo);
    if (on) chosen.push(geo);
    share();
    draw();
  };
  const chip = (geo) => {
    if (boxes.has(geo)) return boxes.get(geo);
    const input = element("input", { type: "checkbox", value: geo });
    chips.append(element("label", {}, input, CHART.names[geo]));
    boxes.set(geo, input);
    return input;
  };
  chips?.addEventListener("change", (event) => {
    if (event.target.matches("input[type=checkbox]")) choose(event.target.value, event.target.checked);
  });

  // -- geometry, as in charts.py

  const step = (rough) => {
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 2.5, 5, 10].find((m) => m * power >= rough * (1 - 1e-9)) * power;
  };
  const scale = (values) => {
    let low = Math.min(...values);
    let high = Math.max(...values);
    if (low >= 0 && low < 0.45 * high) low = 0;
    if (low === high) [low, high] = [low - Math.abs(low) / 10 - 1, high + Math.abs(high) / 10 + 1];
    const by = step((high - low) / 4);
    low = Math.floor(low / by + 1e-9) * by;
    high = Math.ceil(high / by - 1e-9) * by;
    const ticks = Array.from({ length: Math.round((high - low) / by) + 1 }, (_, i) => Number((low + i * by).toPrecision(12)));
    return { low, high, ticks, at: (value) => Math.round(1000 * (1 - (value - low) / (high - low))) };
  };
  const logScale = (values) => {
    const ticks = [];
    const [least, most] = [Math.min(...values), Math.max(...values)];
    for (let power = 10 ** Math.floor(Math.log10(least)); power <= most * 10; power *= 10) for (const m of [1, 2, 5]) ticks.push(Number((m * power).toPrecision(3)));
    const low = Math.max(...ticks.filter((t) => t <= least));
    const high = Math.min(...ticks.filter((t) => t >= most));
    const shown = ticks.filter((t) => t >= low && t <= high);
    const span = Math.log(high / low) || 1;
    return { low, high, log: true, ticks: shown.length > 7 ? shown.filter((t) => /^1/.test(t.toExponential())) : shown, at: (value) => Math.round(1000 * (1 - Math.log(value / low) / span)) };
  };
  const runs = (geo) => {
    const found = [];
    for (const point of CHART.series[geo] || []) {
      if (!(point[2] & 2)) found.push([]);
      found[found.length - 1].push({ i: point[0], value: point[1], hollow: point[2] & 1, incomplete: point[2] & 4, text: point[3] });
    }
    if (!CHART.indexed) return found;
    const rebased = [];
    for (const base of CHART.bases)
      for (const run of found) {
        const start = run.findIndex((p) => p.i === base && p.value);
        if (start < 0 || run.length <= start + 1) continue;
        rebased.push(run.slice(start).map((p) => ({ ...p, value: (100 * p.value) / run[start].value })));
        break;
      }
    return rebased;
  };
  const path = (points) => {
    if (!points.length) return "";
    return `M${points.map((p) => `${p.x} ${p.y}`).join("L")}${points.length > 1 ? "" : "h0"}`;
  };

  let state;
  const layout = () => {
    const roles = { ...CHART.roles };
    for (const geo of chosen) if (!["region", "seat", "country"].includes(roles[geo])) roles[geo] = "chosen";
    let lines = Object.entries(roles)
      .map(([geo, role]) => ({ geo, role, name: CHART.names[geo], runs: runs(geo) }))
      .filter((line) => line.runs.length);
    // a comparison must not press our lines to the axis: grey lines far above are left out, and a chosen one changes the scale
    const all = (kept) => lines.filter(kept).flatMap((line) => line.runs.flat().map((p) => p.value));
    const ours = all((line) => ["region", "seat"].includes(line.role));
    const far = (line) => line.role === "peer" && ours.length && Math.max(...line.runs.flat().map((p) => p.value)) > PRESSED * Math.max(...ours);
    lines = lines.filter((line) => !far(line));
    const values = all(() => true);
    const pressed = ours.length && Math.max(...values) > PRESSED * Math.max(...ours) && Math.min(...values) > 0;
    const goals = CHART.targets.flatMap((target) => target.steps.map(([, value]) => value));
    const room = goals.length ? [Math.max(...goals) + 0.15 * (Math.max(...values, ...goals) - Math.min(...values, ...goals))] : [];
    const axis = (pressed ? logScale : scale)([...values, ...goals, ...room]);
    const spots = [
      ...lines.flatMap((line) => line.runs.flat().map((p) => CHART.periods[p.i][1])),
      ...CHART.targets.flatMap((target) => target.steps.map(([at]) => at)),
    ];
    const first = Math.min(...spots);
    const span = Math.max(...spots) - first || 1;
    const x = (at) => Math.round((1000 * (at - first)) / span);
    for (const line of lines) {
      for (const run of line.runs) for (const p of run) Object.assign(p, { x: x(CHART.periods[p.i][1]), y: axis.at(p.value) });
      line.points = line.runs.flat();
      line.last = line.points[line.points.length - 1];
    }
    lines.sort((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role));
    const taken = [];
    for (const line of lines) {
      const wanted = line.last.y;
      const free = (y) => taken.every((other) => Math.abs(y - other) >= GAP);
      if (line.role === "peer") {
        if (!free(wanted)) continue;
        line.label = wanted;
      } else {
        const offsets = Array.from({ length: 101 }, (_, i) => (i - 50) * 8).sort((a, b) => Math.abs(a) - Math.abs(b));
        const spots = offsets.map((offset) => Math.min(985, Math.max(15, wanted + offset)));
        line.label = spots.find(free) ?? wanted;
      }
      taken.push(line.label);
    }
    const years = Math.floor(first + span) - Math.ceil(first);
    const each = [1, 2, 5, 10, 20, 50].find((by) => years / by <= 10);
    const ticks = [];
    for (let year = Math.ceil(first); year <= first + span; year += 1) if (year % each === 0) ticks.push([x(year), String(year)]);
    const ways = CHART.targets.map((target) => ({ ...target, points: target.steps.map(([at, value]) => ({ x: x(at), y: axis.at(value) })) }));
    const digits = axis.log ? 0 : Array.from({ length: 9 }, (_, n) => n).find((n) => axis.ticks.every((t) => Number(t.toFixed(n)) === t));
    const used = [...new Set(lines.flatMap((line) => line.points.map((p) => p.i)))].sort((a, b) => CHART.periods[a][1] - CHART.periods[b][1]);
    return { lines, axis, x, ticks, ways, used, tick: (t) => number(t, axis.log && t < 1 ? 2 : digits) + (CHART.indexed ? "" : CHART.sign) };
  };

  const draw = () => {
    for (const geo of chosen) chip(geo).checked = true;
    for (const [geo, input] of boxes) if (!chosen.includes(geo)) input.checked = false;
    state = layout();
    const { lines, axis, ticks, ways } = state;
    for (const old of area.querySelectorAll(".ytick, .xtick, .end")) old.remove();
    for (const t of axis.ticks) area.append(element("span", { class: "ytick", style: `top:${axis.at(t) / 10}%` }, state.tick(t)));
    ticks.forEach(([x, year], i) => area.append(element("span", { class: `xtick${(ticks.length - 1 - i) % 2 ? " minor" : ""}`, style: `left:${x / 10}%` }, year)));
    const marks = axis.ticks.map((t) => `<path class="grid${t === 0 || (CHART.indexed && t === 100) ? " zero" : ""}" d="M0 ${axis.at(t)}h1000"/>`);
    for (const way of ways) {
      const dots = way.points.slice(1).map((p) => `<path class="mark" d="M${p.x} ${p.y}h0"/>`).join("");
      marks.push(`<g class="s-${way.role} way"><path d="${path(way.points)}"/>${dots}</g>`);
    }
    ways.forEach((way, i) => {
      const aim = area.querySelectorAll(".aim")[i];
      const end = way.points[way.points.length - 1];
      if (aim) aim.style.cssText = `left:${end.x / 10}%;top:${end.y / 10}%`;
    });
    for (const line of [...lines].reverse()) {
      const parts = line.runs.map((run) => {
        const firm = run.filter((p) => !p.hollow);
        const dashed = run.slice(1).map((p, i) => (p.hollow ? path([run[i], p]) : "")).join("");
        const lone = run.length === 1 && firm.length ? `<path class="lone" d="${path(firm)}"/>` : "";
        return `<path d="${path(firm)}"/>${dashed ? `<path class="dash" d="${dashed}"/>` : ""}${lone}`;
      });
      const dots = line.role === "peer" ? [] : line.points.map((p) => `<path class="dot" d="M${p.x} ${p.y}h0"/>${p.hollow ? `<path class="hole" d="M${p.x} ${p.y}h0"/>` : ""}`);
      marks.push(`<g class="s-${line.role}" data-geo="${line.geo}">${parts.join("")}${dots.join("")}</g>`);
    }
    svg.innerHTML = marks.join("");
    for (const line of lines) {
      const label = element("span", {
        class: `end s-${line.role}${line.label === undefined ? " off" : ""}${line.last.x < 900 ? " inside" : ""}`,
        "data-geo": line.geo,
        style: `left:${line.last.x / 10}%;top:${(line.label ?? line.last.y) / 10}%`,
      }, line.name);
      if (line.role !== "peer" && !line.last.incomplete) label.append(" ", element("b", {}, CHART.indexed ? number(line.last.value, 0) : line.last.text));
      area.append(label);
    }
    scaleNote.hidden = !axis.log;
    range.max = state.used.length - 1;
    read(Math.min(Number(range.value), state.used.length - 1), false);
  };

  // -- reading values: pointer, touch and keyboard

  const range = element("input", { type: "range", min: 0, step: 1 });
  const out = element("p", { class: "readout", "aria-live": "polite" });
  const scaleNote = element("p", { class: "note", hidden: "" }, word.log);
  const rule = element("span", { class: "rule", hidden: "" });
  area.append(rule);
  const read = (place, shown = true) => {
    range.value = place;
    const i = state.used[place];
    const [period, at] = CHART.periods[i];
    rule.style.left = `${state.x(at) / 10}%`;
    rule.hidden = !shown;
    const told = state.lines
      .filter((line) => line.role !== "peer")
      .map((line) => [line, line.points.find((p) => p.i === i)])
      .filter(([, p]) => p);
    out.replaceChildren(element("b", {}, period));
    for (const [line, p] of told) out.append(" ", element("span", { class: `s-${line.role}` }, `${line.name} ${p.text}`));
    range.setAttribute("aria-valuetext", `${period}: ${told.map(([line, p]) => `${line.name} ${p.text}`).join(", ")}`);
  };
  range.addEventListener("input", () => read(Number(range.value)));
  const point = (event) => {
    const { left, width } = area.getBoundingClientRect();
    const at = (1000 * (event.clientX - left)) / width;
    const away = (i) => Math.abs(state.x(CHART.periods[i][1]) - at);
    read(state.used.reduce((best, i, n) => (away(i) < away(state.used[best]) ? n : best), 0));
  };
  area.addEventListener("pointermove", point);
  area.addEventListener("pointerdown", point);
  area.addEventListener("pointerleave", () => { rule.hidden = true; });

  // -- the picture with everything that it needs away from the page

  const COLOURS = { region: "#0d5282", seat: "#b5380c", country: "#57524b", chosen: "#1c1a17", peer: "#bdb6ab" };
  const safe = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const wrapped = (text, most) => {
    const rows = [""];
    for (const part of text.split(" ")) {
      if ((rows[rows.length - 1] + part).length > most) rows.push("");
      rows[rows.length - 1] += `${part} `;
    }
    return rows;
  };
  const picture = () => {
    const [left, top, width, height] = [90, 110, 860, 420];
    const x = (value) => left + (value * width) / 1000;
    const y = (value) => top + (value * height) / 1000;
    const at = (points) => (points.length ? `M${points.map((p) => `${x(p.x)} ${y(p.y)}`).join("L")}${points.length > 1 ? "" : "h0"}` : "");
    const text = (tx, ty, words, more = "") => `<text x="${tx}" y="${ty}" ${more}>${safe(words)}</text>`;
    const parts = [];
    for (const t of state.axis.ticks) parts.push(`<path d="M${left} ${y(state.axis.at(t))}h${width}" stroke="#e9e5dd"/>`, text(left - 10, y(state.axis.at(t)) + 5, state.tick(t), 'text-anchor="end" fill="#57524b"'));
    for (const [tx, year] of state.ticks) parts.push(text(x(tx), top + height + 24, year, 'text-anchor="middle" fill="#57524b"'));
    for (const way of state.ways) {
      const end = way.points[way.points.length - 1];
      parts.push(`<path d="${at(way.points)}" fill="none" stroke="${COLOURS[way.role]}" stroke-dasharray="6 5"/>`, text(x(end.x), y(end.y) - 10, way.text, `text-anchor="end" fill="${COLOURS[way.role]}"`));
    }
    for (const line of [...state.lines].reverse()) {
      const colour = COLOURS[line.role];
      for (const run of line.runs) {
        parts.push(`<path d="${at(run.filter((p) => !p.hollow))}" fill="none" stroke="${colour}" stroke-width="${line.role === "peer" ? 1.25 : 3}" stroke-linecap="round" stroke-linejoin="round"/>`);
        run.slice(1).forEach((p, i) => p.hollow && parts.push(`<path d="${at([run[i], p])}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="2 5"/>`));
      }
      if (line.label !== undefined) {
        const told = line.role === "peer" || line.last.incomplete ? line.name : `${line.name} ${CHART.indexed ? number(line.last.value, 0) : line.last.text}`;
        parts.push(text(x(line.last.x) + 10, y(line.label) + 5, told, `fill="${line.role === "peer" ? "#57524b" : colour}"${line.role === "peer" ? "" : ' font-weight="bold"'} paint-order="stroke" stroke="#fff" stroke-width="4"`));
      }
    }
    const log = state.axis.log ? `. ${word.log}` : "";
    const based = CHART.indexed ? `, ${word.index.replace("{period}", CHART.bases.map((i) => CHART.periods[i][0]).join(", "))}` : "";
    const foot = CHART.source.flatMap((line) => wrapped(line, 150));
    foot.forEach((line, i) => parts.push(text(30, top + height + 62 + 18 * i, line, 'font-size="13" fill="#57524b"')));
    const tall = top + height + 80 + 18 * foot.length;
    return `<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="${tall}" viewBox="0 0 1200 ${tall}" font-family="Liberation Sans, Arial, sans-serif" font-size="15"><title>${safe(CHART.title)}</title><rect width="100%" height="100%" fill="#fff"/>${text(30, 44, CHART.title, 'font-size="26" font-weight="bold" fill="#1c1a17"')}${text(30, 72, CHART.measured + based + log, 'fill="#57524b"')}${parts.join("")}</svg>`;
  };
  const save = (blob, name) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const saveSvg = () => save(new Blob([picture()], { type: "image/svg+xml" }), `${CHART.id}.svg`);
  const savePng = () => {
    const image = new Image();
    image.onload = () => {
      const canvas = element("canvas", { width: 2 * image.width, height: 2 * image.height });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, `${CHART.id}.png`), "image/png");
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(picture())}`;
  };

  // -- the tools below the chart

  const names = element("datalist", { id: "chart-places" });
  for (const [geo, name] of Object.entries(CHART.names)) if (!["region", "seat", "country"].includes(CHART.roles[geo])) names.append(element("option", { value: name }));
  const search = element("input", { list: "chart-places", autocomplete: "off" });
  const add = element("form", { class: "tool add" }, element("label", {}, `${word.add} `, search), element("button", {}, word.add_button), names);
  add.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = search.value.trim().toLowerCase();
    const found = Object.entries(CHART.names).find(([, name]) => name.toLowerCase() === wanted);
    if (!found) return;
    search.value = "";
    choose(found[0], true);
  });
  const button = (label, action) => {
    const made = element("button", { type: "button" }, label);
    made.addEventListener("click", action);
    return made;
  };
  const saving = figure.querySelector(".saving");
  saving?.prepend(button(word.png, savePng), button(word.svg, saveSvg));
  box.after(element("label", { class: "tool period" }, `${word.period} `, range), out, scaleNote);
  if (chips) chips.after(add);
  addEventListener("hashchange", () => { chosen = parse(); draw(); });
  draw();
  const complete = (place) => state.lines.some((line) => line.points.some((p) => p.i === state.used[place] && !p.incomplete));
  let newest = state.used.length - 1;
  while (newest > 0 && !complete(newest)) newest -= 1;
  read(newest, false);
})();
