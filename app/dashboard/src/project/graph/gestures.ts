/** Moves and zooms a scrollable graph with the mouse, the wheel and two fingers. The browser handles one finger itself. */

/** Called with the zoom factor and the point of the view that stays in place. */
export type Zoom = (factor: number, x: number, y: number) => void;

/** Zoom with Ctrl and the wheel, which is also a trackpad's pinch. Returns the function that removes the listener. */
export function wheel(view: HTMLElement, zoom: Zoom): () => void {
  const onWheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 300), ...within(view, event.clientX, event.clientY));
  };
  view.addEventListener("wheel", onWheel, { passive: false });
  return () => view.removeEventListener("wheel", onWheel);
}

/** Zoom with two fingers. Returns the function that removes the listeners. */
export function pinch(view: HTMLElement, zoom: Zoom): () => void {
  let apart = 0;
  const onTouch = (event: TouchEvent) => {
    const [first, second] = event.touches;
    if (!first || !second) return;
    event.preventDefault();
    const now = Math.max(1, Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY));
    const middle = within(view, (first.clientX + second.clientX) / 2, (first.clientY + second.clientY) / 2);
    if (event.type === "touchmove" && apart) zoom(now / apart, ...middle);
    apart = now;
  };
  view.addEventListener("touchstart", onTouch, { passive: false });
  view.addEventListener("touchmove", onTouch, { passive: false });
  return () => {
    view.removeEventListener("touchstart", onTouch);
    view.removeEventListener("touchmove", onTouch);
  };
}

/** Drag with the mouse; the click that ends a drag opens no link. Returns the function that removes the listeners. */
export function drag(view: HTMLElement): () => void {
  let from: { x: number; y: number; left: number; top: number } | null = null;
  let dragged = false;
  const onDown = ({ pointerType, button, clientX, clientY }: PointerEvent) => {
    dragged = false;
    if (pointerType === "touch" || button !== 0) return;
    from = { x: clientX, y: clientY, left: view.scrollLeft, top: view.scrollTop };
  };
  const onMove = ({ clientX, clientY }: PointerEvent) => {
    if (!from) return;
    const [x, y] = [clientX - from.x, clientY - from.y];
    dragged ||= Math.hypot(x, y) > 4;
    if (dragged) view.scrollTo(from.left - x, from.top - y);
  };
  const onUp = () => (from = null);
  const onClick = (event: MouseEvent) => {
    // A drag that ends outside the view has no click. A click by the keyboard, which has no detail, never ends a drag.
    if (dragged && event.detail > 0) {
      event.preventDefault();
      event.stopPropagation();
    }
    dragged = false;
  };
  // Prevent the browser's own dragging of links.
  const onDrag = (event: DragEvent) => event.preventDefault();
  view.addEventListener("pointerdown", onDown);
  addEventListener("pointermove", onMove);
  addEventListener("pointerup", onUp);
  addEventListener("pointercancel", onUp);
  view.addEventListener("click", onClick, { capture: true });
  view.addEventListener("dragstart", onDrag);
  return () => {
    view.removeEventListener("pointerdown", onDown);
    removeEventListener("pointermove", onMove);
    removeEventListener("pointerup", onUp);
    removeEventListener("pointercancel", onUp);
    view.removeEventListener("click", onClick, { capture: true });
    view.removeEventListener("dragstart", onDrag);
  };
}

function within(view: HTMLElement, x: number, y: number): [number, number] {
  const box = view.getBoundingClientRect();
  return [x - box.left, y - box.top];
}
