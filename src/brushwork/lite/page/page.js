const TEXTS = {
  en: {
    title: "Paint a photo", drop: "Drop a photo anywhere, paste it, or", choose: "Choose a photo", shoot: "Take a photo",
    privacy: "Your photo stays on this device.", open: "Open photo", save: "Save", strength: "Strength",
    size: "Longer side", own: "As the photo", format: "File", styles: "Styles", controls: "Settings", picture: "Picture",
    painting: "Painting", release: "Release to open the photo", photo: "The photo {name}, painted in the style {style}",
    done: "Painted in the style {style}", other: "Deutsch",
    unreadable: "{name} can't be read as a picture. Try a JPEG or PNG file.",
    failed: "Painting failed: {reason}. Try a smaller size.", old: "This browser is too old for this page: {reason}",
  },
  de: {
    title: "Ein Foto malen", drop: "Foto irgendwohin ziehen, einfügen oder", choose: "Foto auswählen",
    shoot: "Foto aufnehmen", privacy: "Dein Foto bleibt auf diesem Gerät.", open: "Foto öffnen", save: "Sichern",
    strength: "Stärke", size: "Längere Seite", own: "Wie das Foto", format: "Datei", styles: "Stile",
    controls: "Einstellungen", picture: "Bild", painting: "Malt", release: "Loslassen, um das Foto zu öffnen",
    photo: "Das Foto {name}, gemalt im Stil {style}", done: "Gemalt im Stil {style}", other: "English",
    unreadable: "{name} lässt sich nicht als Bild lesen. Versuche eine JPEG- oder PNG-Datei.",
    failed: "Das Malen ist gescheitert: {reason}. Versuche eine kleinere Größe.",
    old: "Dieser Browser ist zu alt für diese Seite: {reason}",
  },
};
const THUMBNAIL = 160; // longer side in pixels
const LARGE = 1.2e6; // pixels of pictures that take longer than all thumbnails

const $ = (id) => document.getElementById(id);
const state = { language: navigator.language.startsWith("de") ? "de" : "en", styles: [], style: "", file: null, photo: null, painted: null };

// Texts

function text(key, values = {}) {
  return TEXTS[state.language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function translate() {
  document.documentElement.lang = state.language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", text(element.dataset.label));
  const language = $("language");
  language.textContent = text("other");
  language.lang = state.language === "de" ? "en" : "de";
  describe();
}

function describe() {
  $("photo").setAttribute("aria-label", text("photo", { name: state.file?.name ?? "", style: titleOf(state.style) }));
}

const titleOf = (name) => state.styles.find((style) => style.name === name)?.title ?? name;

function complain(key, values) {
  $("notice").textContent = text(key, values);
  $("notice").hidden = false;
}

// What computes, in a worker

const answers = new Map();
let worker, module, calls = 0;

async function inside(name) {
  const element = $(`data-${name}`);
  const letters = atob(element.textContent);
  element.remove();
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function start() {
  const address = async (name) => URL.createObjectURL(new Blob([await inside(name)], { type: "text/javascript" }));
  module = await import(await address("module"));
  worker = new Worker(await address("worker"), { name: "brushwork" });
  worker.onerror = (event) => complain("old", { reason: event.message ?? "worker" });
  worker.onmessage = ({ data: { id, result, error, done, count } }) => {
    const answer = answers.get(id);
    if (done) return answer?.progress?.(done / count);
    answers.delete(id);
    if (error) answer.reject(new Error(error));
    else answer.resolve(result);
  };
  const [wasm, styles] = await Promise.all([inside("wasm"), inside("styles")]);
  const found = await call("open", { wasm, styles }, { transfer: [wasm, styles] });
  document.documentElement.dataset.threads = found.threads;
  return found.styles;
}

function call(name, values, { progress, transfer = [] } = {}) {
  const id = ++calls;
  const answer = new Promise((resolve, reject) => answers.set(id, { resolve, reject, progress }));
  answer.id = id;
  worker.postMessage({ id, call: name, ...values }, transfer);
  return answer;
}

// What is to be painted: the picture, then thumbnails, or the other way around if it is large; one at a time, since all
// share the worker

let wanted = false, thumbnails = [], running = null, working = false;

function wish() {
  wanted = true;
  state.painted = null;
  $("save").disabled = true;
  if (running) call("stop", { stopped: running.id }).catch(() => {});
  if (!working) void work();
}

async function work() {
  working = true;
  await ready;
  while (wanted || thumbnails.length) {
    const large = state.photo.width * state.photo.height > LARGE;
    try {
      await (wanted && !(large && thumbnails.length) ? paintPicture() : paintThumbnail());
    } catch (error) {
      if (error.message === "stopped") continue;
      wanted = false;
      thumbnails = [];
      $("ring").hidden = true;
      complain("failed", { reason: error.message });
    }
  }
  working = false;
}

async function run(photo, style, progress) {
  running = call("paint", { photo, style }, { progress });
  try {
    return (await running).picture;
  } finally {
    running = null;
  }
}

async function paintPicture() {
  wanted = false;
  const { photo, style } = state;
  show(0);
  const picture = await run(photo, style, show);
  if (wanted) return;
  state.painted = picture;
  put($("painted"), picture);
  fade();
  $("ring").hidden = true;
  $("save").disabled = false;
  $("status").textContent = text("done", { style: titleOf(style) });
}

async function paintThumbnail() {
  const [thumbnail] = thumbnails;
  const picture = await run(thumbnail.photo, thumbnail.style);
  if (thumbnails[0] !== thumbnail) return; // of another photo
  thumbnails.shift();
  put(thumbnail.canvas, picture);
}

function show(share) {
  $("ring").hidden = false;
  const percent = Math.round(100 * share);
  $("ring").setAttribute("aria-valuenow", percent);
  $("percent").textContent = `${percent} %`;
  $("share").setAttribute("stroke-dashoffset", 100 - percent);
}

// The photo

function put(canvas, picture) {
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function pixels(bitmap, longer) {
  const factor = longer ? Math.min(1, longer / Math.max(bitmap.width, bitmap.height)) : 1;
  const width = Math.max(1, Math.round(bitmap.width * factor)), height = Math.max(1, Math.round(bitmap.height * factor));
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

async function open(file) {
  if (!file) return;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return complain("unreadable", { name: file.name });
  }
  $("notice").hidden = true;
  state.bitmap?.close();
  Object.assign(state, { file, bitmap });
  document.body.classList.remove("empty");
  const small = pixels(bitmap, THUMBNAIL);
  await ready;
  thumbnails = state.styles.map(({ name, canvas }) => ({ photo: small, style: name, canvas }));
  for (const { canvas } of state.styles) put(canvas, small);
  prepare();
}

function prepare() {
  if (!state.bitmap) return;
  try {
    state.photo = pixels(state.bitmap, Number($("size").value));
  } catch (error) {
    return complain("failed", { reason: error.message });
  }
  put($("photo"), state.photo);
  put($("painted"), new ImageData(state.photo.width, state.photo.height));
  describe();
  wish();
}

function fade() {
  $("painted").style.opacity = $("strength").value / 100;
  $("strength-value").textContent = `${$("strength").value} %`;
}

async function save() {
  const type = $("format").value;
  const canvas = document.createElement("canvas");
  put(canvas, module.mixed(state.photo, state.painted, $("strength").value / 100));
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, 0.94));
  if (!blob) return complain("failed", { reason: type });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${state.file.name.replace(/\.[^.]*$/, "")}_${state.style.replace(/[^\w.-]+/g, "-")}.${type.slice(6).replace("jpeg", "jpg")}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// The page

function list(styles) {
  state.styles = styles;
  state.style = styles[0].name;
  for (const style of styles) {
    const label = document.createElement("label"), input = document.createElement("input");
    style.canvas = document.createElement("canvas");
    label.className = "thumbnail";
    label.title = [style.title, style.artist, style.year].filter(Boolean).join(", ");
    Object.assign(input, { type: "radio", name: "style", value: style.name, checked: style === styles[0] });
    input.addEventListener("change", () => {
      state.style = style.name;
      describe();
      wish();
    });
    style.canvas.setAttribute("aria-hidden", "true");
    label.append(input, style.canvas, line("name", style.title), line("artist", style.artist));
    $("styles").append(label);
  }
}

function line(kind, content) {
  return Object.assign(document.createElement("span"), { className: kind, textContent: content });
}

async function install() {
  const served = document.querySelector("meta[name=served]");
  if (!served || !navigator.serviceWorker) return;
  await navigator.serviceWorker.register(served.content);
  await navigator.serviceWorker.ready;
  // Through the service worker the page comes with the headers that threads need; a first visit came without.
  if (!crossOriginIsolated && !sessionStorage.getItem("reloaded")) {
    sessionStorage.setItem("reloaded", "yes");
    if (!state.file) location.reload();
  }
}

for (const id of ["open", "choose"]) $(id).addEventListener("click", () => $("file").click());
$("shoot").addEventListener("click", () => $("camera").click());
for (const id of ["file", "camera"])
  $(id).addEventListener("change", ({ target }) => {
    void open(target.files[0]);
    target.value = "";
  });
$("language").addEventListener("click", () => {
  state.language = state.language === "de" ? "en" : "de";
  translate();
});
$("strength").addEventListener("input", fade);
$("size").addEventListener("change", prepare);
$("save").addEventListener("click", () => void save());
addEventListener("paste", (event) => void open([...event.clipboardData.files].find((file) => file.type.startsWith("image/"))));
addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").hidden = false;
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").hidden = true;
});
addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").hidden = true;
  void open(event.dataTransfer.files[0]);
});

translate();
fade();
const ready = start().then(list);
ready.catch((error) => complain("old", { reason: error.message }));
install().catch(() => {});
