/** How large a picture is shown. */
interface Size {
  width: number;
  height: number;
}

interface Room {
  clientWidth: number;
  clientHeight: number;
}

const LARGEST = 4;
/** Below this, titles cannot be read. */
const READABLE = 0.6;

/** All of the picture, as large as it may be. */
export function fitting(picture: Size, room: Room): number {
  return Math.min(1, room.clientWidth / picture.width, room.clientHeight / picture.height);
}

/** The whole width; the rest is scrolled. */
export function widthOf(picture: Size, room: Room): number {
  return Math.min(1, room.clientWidth / picture.width);
}

/** What a picture starts with: its whole width where that can be read. */
export function readable(picture: Size, width: number): number {
  return Math.min(1, Math.max(READABLE, width / picture.width));
}

/** A wanted scale within what makes sense: never smaller than the whole picture in half of the room. */
export function zoomed(wanted: number, picture: Size, room: Room): number {
  return Math.min(LARGEST, Math.max(wanted, Math.min(0.5, fitting(picture, room) / 2)));
}
