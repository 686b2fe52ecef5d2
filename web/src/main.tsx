import { render } from "preact";
import { tell } from "./actions";
import { checkLogin, studio, wordsOf } from "./api";
import { App, followTheme } from "./app";
import { startDeveloping } from "./develop";
import { listenToDrops } from "./dropping";
import { listenToKeys } from "./keys";
import { followPhoto } from "./opening";
import { methods, styles } from "./state";
import { preferredLanguage, speak } from "./texts";

async function start(): Promise<void> {
  followTheme();
  await speak(preferredLanguage());
  const root = document.getElementById("app");
  if (root) render(<App />, root);
  listenToKeys();
  listenToDrops();
  try {
    styles.value = await all(studio.styles());
    methods.value = await studio.methods();
  } catch (error) {
    checkLogin(error);
    tell("error", wordsOf(error));
  }
  followPhoto();
  startDeveloping();
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

void start();
