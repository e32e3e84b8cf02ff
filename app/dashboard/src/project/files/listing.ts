/** Groups files by folder, with the logs of tasks in a separate group. */
import { prefix } from "../../api/prefix.ts";
import type { Schemas } from "../../api/client";

export type FileInfo = Schemas["FileInfo"];

export interface Folder {
  /** Without a slash at the end; empty for the workspace itself, null for the logs. */
  path: string | null;
  files: FileInfo[];
}

/** The files whose path contains every word, by folder; logs come last. */
export function foldersOf(files: FileInfo[], words: string): Folder[] {
  const terms = words.toLowerCase().split(/\s+/).filter(Boolean);
  const folders = new Map<string | null, FileInfo[]>();
  for (const file of files) {
    const path = file.path.toLowerCase();
    if (!terms.every((word) => path.includes(word))) continue;
    const folder = file.kind === "log" ? null : file.path.slice(0, Math.max(0, file.path.lastIndexOf("/")));
    const known = folders.get(folder);
    if (known) known.push(file);
    else folders.set(folder, [file]);
  }
  return [...folders]
    .map(([path, found]) => ({ path, files: found }))
    .sort((a, b) => (a.path === null ? 1 : b.path === null ? -1 : a.path < b.path ? -1 : 1));
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The attempt in `.signoff/attempts/<task>/<attempt>/log`. */
export function attemptOf(path: string): string {
  return path.split("/").at(-2) ?? "";
}

/** The address of a file's preview on the Files tab. */
export function fileAddress(projectId: string, path: string): string {
  return `${prefix}/projects/${projectId}/files?path=${encodeURIComponent(path)}`;
}

/** The address of a file on the server. */
export function rawAddress(projectId: string, path: string): string {
  return `${prefix}/api/projects/${projectId}/files/raw?path=${encodeURIComponent(path)}`;
}
