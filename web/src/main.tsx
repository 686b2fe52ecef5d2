import { render } from "preact";
import { tell } from "./actions";
import { restoreBatch } from "./batch";
import { checkLogin, studio, wordsOf } from "./api";
import { App, followDocument } from "./app";
import { startDeveloping } from "./develop";
import { listenToDrops } from "./dropping";
import { followFaces } from "./faces";
import { followFilm } from "./film";
import { followKeyframes } from "./film_look";
import { followFilmJobs } from "./film_making";
import { listenToKeys } from "./keys";
import { persistently } from "./connection";
import { followPhoto, resumeUpload } from "./opening";
import { watchJobs } from "./queue";
import { followRegions } from "./regions";
import { account, methods, presets, styles } from "./state";
import { preferredLanguage, speak } from "./texts";
import { restoreTexture } from "./texture";
import { followThumbnails } from "./thumbnails";
import { deleteOnLeave } from "./wall";

async function start(): Promise<void> {
  await speak(preferredLanguage());
  followDocument();
  const root = document.getElementById("app");
  if (root) render(<App />, root);
  listenToKeys();
  listenToDrops();
  try {
    const [library, ways, finishes, { name }] = await persistently(() =>
      Promise.all([all(studio.styles()), studio.methods(), studio.presets(), studio.account()]),
    );
    [styles.value, methods.value, presets.value] = [library, ways, finishes];
    account.value = name === "local" ? null : name;
  } catch (error) {
    checkLogin(error);
    tell("error", wordsOf(error));
  }
  followPhoto();
  followFilm();
  followKeyframes();
  followFilmJobs();
  followThumbnails();
  followRegions();
  followFaces();
  startDeveloping();
  void resumeUpload();
  watchJobs();
  deleteOnLeave();
  restoreBatch();
  restoreTexture();
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

void start();
