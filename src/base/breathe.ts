/**
 * Yields to the page's event loop, or to a signal handler.
 *
 * In a background page `tf.nextFrame` waits for a frame that is not drawn, and timers run once a second or less, so
 * training would stall. Messages are not delayed.
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
