let answer: boolean | undefined;

/** Whether this browser draws WebGL, which plotly's surfaces need. Asked once. */
export function hasWebGl(): boolean {
  return (answer ??= ask());
}

function ask(): boolean {
  const context = document.createElement('canvas').getContext('webgl');
  // A context counts against the browser's few: it is given back at once.
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return context !== null;
}
