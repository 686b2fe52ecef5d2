"""The page that shows a painted camera: its picture, sliders and keys."""

from __future__ import annotations

__all__ = ["PAGE"]

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>brushwork camera</title>
<style>
  body { margin: 0; height: 100vh; display: flex; flex-direction: column; background: #161616; color: #eee;
    font: 16px system-ui, sans-serif; text-align: center }
  img { flex: 1; min-height: 0; width: 100%; object-fit: contain }
  form { display: flex; flex-wrap: wrap; gap: 1rem; justify-content: center; align-items: center; padding: .75rem }
  select, input { font: inherit; vertical-align: middle }
  p { margin: 0; color: #aaa }
  form + p { padding-bottom: .75rem }
</style>
<img src="stream" alt="The painted camera">
<form>
  <label>Style <select id="style"></select></label>
  <label>Strength <input id="strength" type="range" min="0" max="1" step="0.05"></label>
  <p id="told" role="status"></p>
</form>
<p>Keys: ← → style, ↑ ↓ strength, S saves the picture</p>
<script>
const style = document.getElementById("style"), strength = document.getElementById("strength");
const told = document.getElementById("told");
async function ask(path, body) {
  const answer = await fetch(path, body && {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
  return answer.json();
}
async function change() {
  const found = await ask("look", {style: style.value, strength: Number(strength.value)});
  told.textContent = found.error || "";
}
async function watch() {
  try { told.textContent = (await ask("look")).report; } catch { told.textContent = "The camera has ended."; }
}
ask("look").then(look => {
  for (const name of look.styles) style.add(new Option(name, name, false, name === look.style));
  strength.value = look.strength;
});
style.onchange = strength.onchange = change;
document.onsubmit = event => event.preventDefault();
document.onkeydown = event => {
  if (event.target === style && event.key.startsWith("Arrow")) return;
  const step = {ArrowUp: .05, ArrowDown: -.05}[event.key], next = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (step && event.target !== strength) {
    strength.value = Number(strength.value) + step; change(); event.preventDefault();
  }
  if (next && event.target !== strength) {
    style.selectedIndex = (style.selectedIndex + next + style.length) % style.length; change(); event.preventDefault();
  }
  if (event.key === "s") {
    Object.assign(document.createElement("a"), {href: "picture", download: "painted.jpg"}).click();
  }
};
setInterval(watch, 2000);
</script>
</html>
"""
