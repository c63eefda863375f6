/**
 * Gives the page, or a signal handler, its turn.
 *
 * `tf.nextFrame` waits for a frame to be drawn, and timers run once a second or less, in a page that nobody looks at: a training
 * would stand still there. Messages wait for neither.
 */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
