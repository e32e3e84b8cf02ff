/** Renders Markdown files as harmless HTML: they may come from anywhere, including a model or the network. */
import { prefix } from "../../api/prefix.ts";
import DOMPurify from "dompurify";
import { Marked } from "marked";
import { rawAddress } from "./listing";

const marked = new Marked({ gfm: true, async: false });
const PLAIN_TAGS = /&lt;(\/?(?:b|br|code|del|details|em|i|ins|kbd|li|ol|p|s|strong|sub|summary|sup|u|ul))\s*\/?&gt;/gi;

marked.use({
  renderer: {
    // A checkbox that nobody can tick is shown as a character, not as a control.
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    // HTML is shown as text, except tags that only format text. A browser would report event handlers even in inert HTML.
    html: ({ text }) => escaped(text.replace(/<!--.*?(-->|$)/gs, "")).replace(PLAIN_TAGS, "<$1>"),
  },
});

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

const ALLOWED = {
  ALLOWED_TAGS: [
    ..."a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre q s samp small".split(
      " ",
    ),
    ..."span strong sub summary sup table tbody td tfoot th thead tr u ul var".split(" "),
  ],
  ALLOWED_ATTR: ["href", "src", "alt", "title", "colspan", "rowspan", "start", "align", "open"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

/**
 * Links are safe or lead to other files. Images come only from the workspace: remote ones would reveal the reader.
 *
 * A text without a path is not a file: it belongs to the plan, and keeps its line breaks.
 */
export function rendered(text: string, path: string, projectId: string): string {
  const purify = DOMPurify(window);
  purify.addHook("afterSanitizeAttributes", (element) => {
    if (element.tagName === "A") settleLink(element, path, projectId);
    if (element.tagName === "IMG") settleImage(element, path, projectId);
    // Tables are aligned by the styles of the page.
    if (element.tagName === "TABLE") element.removeAttribute("align");
  });
  return purify.sanitize(marked.parse(text, { breaks: !path }) as string, ALLOWED);
}

function settleLink(link: Element, path: string, projectId: string): void {
  const href = link.getAttribute("href") ?? "";
  if (/^(https?:|mailto:)/i.test(href)) {
    link.setAttribute("rel", "noopener noreferrer");
    link.setAttribute("target", "_blank");
    return;
  }
  const file = fileOf(href, path);
  if (file) link.setAttribute("href", `${prefix}/projects/${projectId}/files?path=${encodeURIComponent(file)}`);
  else link.removeAttribute("href");
}

function settleImage(image: Element, path: string, projectId: string): void {
  const src = image.getAttribute("src") ?? "";
  const file = fileOf(src, path);
  if (file) image.setAttribute("src", rawAddress(projectId, file));
  else if (!/^data:image\/(png|jpeg|gif|webp);/i.test(src)) {
    const alt = image.getAttribute("alt");
    image.replaceWith(`[${alt ? `${alt}: ` : ""}${src}]`);
    return;
  }
  if (!image.hasAttribute("alt")) image.setAttribute("alt", "");
}

/** The workspace file that a relative address refers to; null if it refers to something else. */
function fileOf(address: string, from: string): string | null {
  const bare = address.replace(/[?#].*$/s, "");
  if (!bare || /^([a-z][a-z0-9+.-]*:|\/\/|\\)/i.test(bare)) return null;
  try {
    const url = new URL(bare, `http://workspace/${from.split("/").map(encodeURIComponent).join("/")}`);
    return url.host === "workspace" ? decodeURIComponent(url.pathname).slice(1) || null : null;
  } catch {
    return null;
  }
}
