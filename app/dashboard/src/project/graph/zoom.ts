/** Calculates the scale of a graph. */
interface Size {
  width: number;
  height: number;
}

interface Room {
  clientWidth: number;
  clientHeight: number;
}

const MAX_SCALE = 4;
/** Below this, titles cannot be read. */
const READABLE = 0.6;

/** The scale that shows the whole graph. */
export function fitting(picture: Size, room: Room): number {
  return Math.min(1, room.clientWidth / picture.width, room.clientHeight / picture.height);
}

/** The scale that shows the whole width; the height scrolls. */
export function widthOf(picture: Size, room: Room): number {
  return Math.min(1, room.clientWidth / picture.width);
}

/** The initial scale: the whole width, unless that is too small to read. */
export function readable(picture: Size, width: number): number {
  return Math.min(1, Math.max(READABLE, width / picture.width));
}

/** A scale within limits: never so small that the whole graph takes less than half of the space. */
export function zoomed(scale: number, picture: Size, room: Room): number {
  return Math.min(MAX_SCALE, Math.max(scale, Math.min(0.5, fitting(picture, room) / 2)));
}
