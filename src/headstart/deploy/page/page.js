"use strict";

const MOST = 8; // classes that are shown
const at = (id) => document.getElementById(id);
let shown = null; // the object URL of the image
let known = null; // what the model says of itself
let asked = 0; // number of the last question: an answer that was overtaken is dropped

async function introduce() {
  try {
    const answer = await fetch("model", { headers: headers() });
    if (answer.status === 401) {
      at("locked").hidden = false;
      at("about").textContent = "This server wants an API key.";
      return;
    }
    known = await answer.json();
    at("about").textContent = introduction(known);
  } catch {
    at("about").textContent = "The server does not answer.";
  }
}

// What a model says of itself decides, not which kind it is.
function introduction(model) {
  const { edges, quantity } = model.settings;
  if (edges) return `It predicts ${quantity || "numbers"} from ${edges[0]} to ${edges[edges.length - 1]}.`;
  const names = model.names.slice(0, 12).join(", ");
  const rest = model.names.length > 12 ? ` and ${model.names.length - 12} more` : "";
  return `It knows: ${names}${rest}.`;
}

function headers() {
  const key = at("key").value;
  // Headers are bytes; browsers take letters for these one by one, so UTF-8 is spelled out.
  return key ? { "X-API-Key": String.fromCharCode(...new TextEncoder().encode(key)) } : {};
}

function clear() {
  at("problem").textContent = "";
  at("answer").textContent = "";
  at("answer").className = "big";
  at("time").textContent = "";
  at("bars").replaceChildren();
  at("mask").hidden = at("tools").hidden = true;
  at("mask").removeAttribute("src");
  for (const box of document.querySelectorAll("#frame > b")) box.remove();
}

async function ask(file) {
  const number = ++asked;
  clear();
  if (shown) URL.revokeObjectURL(shown);
  shown = URL.createObjectURL(file);
  at("picture").src = shown;
  at("picture").hidden = false;
  at("result").setAttribute("aria-busy", "true");
  at("answer").textContent = "Looking …";
  const begun = performance.now();
  try {
    const form = new FormData();
    form.append("files", file, file.name || "image");
    const response = await fetch("predict", { method: "POST", body: form, headers: headers() });
    const value = await response.json();
    if (number !== asked) return;
    clear();
    if (!response.ok) throw new Error(value.error || `status ${response.status}`);
    tell(value.predictions[0], performance.now() - begun, value.milliseconds);
  } catch (error) {
    if (number !== asked) return;
    clear();
    const silent = error instanceof TypeError;
    at("problem").textContent = silent ? "The server does not answer." : error.message;
  } finally {
    if (number === asked) at("result").setAttribute("aria-busy", "false");
  }
}

function percent(share) {
  if (share > 0.999) return "over 99.9%"; // nothing is certain
  return share < 0.001 ? "under 0.1%" : `${(100 * share).toFixed(1)}%`;
}

function area(share) {
  return share < 0.001 ? "under 0.1%" : `${(100 * share).toFixed(1)}%`;
}

function words(found) {
  if (found.number !== undefined) { // nine times in ten the truth lies in the range
    const [number, low, high] = [found.number, found.low, found.high].map((x) => Number(x.toPrecision(3)));
    return far(`${number} (${low} to ${high})`, found);
  }
  if (found.objects) {
    const counts = ranking(found.count).map(([name, count]) => `${name} ${count}`);
    return counts.join(", ") || "No object";
  }
  if (found.share) {
    const areas = ranking(found.share).slice(0, 3).map(([name, share]) => `${name} ${area(share)}`);
    return areas.join(", ") || "Not sure of any pixel";
  }
  const name = found.class ?? found.identity;
  if (name === undefined) return JSON.stringify(found);
  const named = `${name} (${percent(found.probability)})`;
  const also = (found.possible || []).filter((each) => each !== name);
  const or = also.length && also.length <= 3 ? `, or ${also.join(", ")}` : "";
  return far((unsure(found) ? `Not sure: perhaps ${named}` : named) + or, found);
}

function far(told, found) { // further than nineteen in twenty of held-out images
  return found.unlike ? `Unlike anything it was trained on. If it must be one: ${told}` : told;
}

function ranking(shares) {
  return Object.entries(shares).filter((pair) => pair[1] > 0).sort((a, b) => b[1] - a[1]);
}

// The mask is as large as the upright image, and lies on it however large that is shown.
function cover(found) {
  const mask = at("mask");
  mask.src = `data:image/png;base64,${found.png}`;
  mask.style.opacity = at("strength").value / 100;
  mask.hidden = at("tools").hidden = false;
  at("save").href = mask.src;
}

function legend(found) {
  const palette = known && known.settings.palette;
  for (const [name, share] of ranking(found.share)) {
    const colour = palette && palette[known.names.indexOf(name)];
    const count = found.regions[name];
    list(name, `${area(share)}, ${count} region${count === 1 ? "" : "s"}`, share, colour);
  }
  if (found.unsure > 0) list("not sure", area(found.unsure), found.unsure, [128, 128, 128]);
}

// Far from those of its neighbours in number, as it is on drawn images.
function colourOf(name) {
  const number = known ? known.names.indexOf(name) : 0;
  const hue = 6 * ((0.08 + 0.618034 * number) % 1);
  return [5, 3, 1].map((shift) => {
    const part = (shift + hue) % 6;
    return Math.round(255 * (1 - 0.85 * Math.max(0, Math.min(part, 4 - part, 1))));
  });
}

function painted(colour) {
  return `rgb(${colour.join(", ")})`;
}

// Every object with its frame; classes can be hidden one by one, also with the keyboard.
function frames(found) {
  const shares = (box) => [box[0] / found.width, box[1] / found.height,
    (box[2] - box[0]) / found.width, (box[3] - box[1]) / found.height];
  for (const each of [...found.objects].reverse()) { // the most certain on top
    const box = document.createElement("b");
    const colour = colourOf(each.class);
    const [left, top, width, height] = shares(each.box).map((x) => `${100 * x}%`);
    Object.assign(box.style, { left, top, width, height, borderColor: painted(colour) });
    box.className = "object";
    box.classList.toggle("under", each.box[1] < 0.1 * found.height);
    box.classList.toggle("leftward", each.box[0] > 0.7 * found.width);
    box.dataset.kind = each.class;
    box.title = `${each.class}, ${percent(each.score)}`;
    box.setAttribute("aria-hidden", "true");
    const label = document.createElement("span");
    label.textContent = found.objects.length > 12 ? "" : `${each.class} ${percent(each.score)}`;
    label.style.background = painted(colour);
    const light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
    label.style.color = light > 110 ? "#000" : "#fff";
    if (label.textContent) box.append(label);
    at("frame").append(box);
  }
  for (const [name, count] of ranking(found.count)) {
    const best = Math.max(...found.objects.filter((each) => each.class === name).map((each) => each.score));
    const row = list(name, `${count}, up to ${percent(best)}`, 0, colourOf(name));
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.setAttribute("aria-label", `${name}: ${count}. Show its frames`);
    button.append(...row.children);
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", `${shown}`);
      for (const box of document.querySelectorAll("#frame > b.object")) {
        if (box.dataset.kind === name) box.hidden = !shown;
      }
    });
    row.append(button);
  }
}

function list(name, told, share, colour) {
  const row = document.createElement("li");
  const bar = document.createElement("i");
  bar.style.width = `${100 * share}%`;
  bar.setAttribute("aria-hidden", "true");
  row.append(bar);
  if (colour) {
    const swatch = document.createElement("b");
    swatch.style.background = painted(colour);
    row.append(swatch);
  }
  const label = document.createElement("span");
  label.textContent = name;
  const number = document.createElement("span");
  number.textContent = told;
  row.append(label, number);
  at("bars").append(row);
  return row;
}

function unsure(found) {
  return found.sure === false || found.unlike === true;
}

// Boxes as shares of the image, so that they hold at any size on the screen.
async function outline(faces) {
  const picture = at("picture");
  await picture.decode();
  faces.forEach((face, number) => {
    const [left, top, width, height] = face.box;
    const box = document.createElement("b");
    box.style.left = `${(100 * left) / picture.naturalWidth}%`;
    box.style.top = `${(100 * top) / picture.naturalHeight}%`;
    box.style.width = `${(100 * width) / picture.naturalWidth}%`;
    box.style.height = `${(100 * height) / picture.naturalHeight}%`;
    box.textContent = faces.length > 1 ? `${number + 1}` : "";
    box.setAttribute("aria-hidden", "true");
    at("frame").append(box);
  });
}

function tell(found, total, inside) {
  const answer = at("answer");
  const faces = found.faces || [];
  answer.textContent = faces.length > 1
    ? faces.map((face, number) => `${number + 1}: ${words(face)}`).join("\n")
    : words(found);
  if (faces.length) outline(faces);
  answer.classList.toggle("unsure", unsure(found));
  const ranked = Object.entries(found.probabilities || {}).sort((a, b) => b[1] - a[1]).slice(0, MOST);
  for (const [name, share] of ranked) list(name, percent(share), share);
  if (found.share) legend(found);
  if (found.objects) frames(found);
  if (found.png) cover(found);
  at("time").textContent = `${inside.toFixed(0)} ms on the server, ${total.toFixed(0)} ms in all`;
  at("result").focus({ preventScroll: true });
}

at("file").addEventListener("change", (event) => {
  if (event.target.files.length) ask(event.target.files[0]);
  event.target.value = ""; // the same file again is a change too
});
// A format that browsers do not show, such as TIFF: the mask stands alone.
at("picture").addEventListener("error", () => {
  at("picture").hidden = true;
  for (const box of document.querySelectorAll("#frame > b")) box.remove();
});
at("strength").addEventListener("input", (event) => {
  at("mask").style.opacity = event.target.value / 100;
});
at("key").addEventListener("change", introduce);
at("form").addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) ask(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) ask(event.clipboardData.files[0]);
});
introduce();
