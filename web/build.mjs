// Builds the page from src/ into a folder, by default the one that the studio serves: node build.mjs [FOLDER]
import { cp, copyFile, mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "../src/brushwork/studio/page"));

await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
  legalComments: "none",
});
for (const name of ["index.html", "icon.svg"]) await copyFile(join(here, name), join(out, name));
await cp(join(here, "texts"), join(out, "texts"), { recursive: true });
