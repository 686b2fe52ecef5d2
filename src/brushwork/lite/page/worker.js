// Paints away from the page, so that the page answers while it paints. One picture at a time. The exporter puts
// onnxruntime-web (`ort`) and brushwork-web (`brushwork`) above this; threads of the former run the same script.
let painter, current;

const answers = {
  async open({ wasm, styles }) {
    painter = await brushwork.load(styles, { runtime: ort, wasm });
    return { styles: painter.styles, threads: ort.env.wasm.numThreads };
  },
  async paint({ id, photo, style }) {
    current = { id, control: new AbortController() };
    const onProgress = (done, count) => postMessage({ id, done, count });
    return { picture: await painter.paint(photo, { style, onProgress, signal: current.control.signal }) };
  },
  async stop({ stopped }) {
    if (current?.id === stopped) current.control.abort();
    return {};
  },
};

async function answer({ data }) {
  try {
    postMessage({ id: data.id, result: await answers[data.call](data) });
  } catch (error) {
    postMessage({ id: data.id, error: error.name === "AbortError" ? "stopped" : String(error.message ?? error) });
  }
}

if (self.name === "brushwork") self.onmessage = answer;
