/** All texts of the page, by view. */
import { comments } from "./comments.ts";
import { create } from "./create.ts";
import { files } from "./files.ts";
import { graph } from "./graph.ts";
import { header } from "./header.ts";
import { inbox } from "./inbox.ts";
import { keys } from "./keys.ts";
import { list } from "./list.ts";
import { logs } from "./logs.ts";
import { metrics } from "./metrics.ts";
import { people } from "./people.ts";
import { plan } from "./plan.ts";
import { record } from "./record.ts";
import { shell, signIn, project } from "./shell.ts";
import { askByLink, askByMail, signByLink } from "./links.ts";
import { signoff } from "./signoff.ts";
import { task } from "./task.ts";
import { timeline } from "./timeline.ts";
import { versions } from "./versions.ts";

export { statusNames } from "./words.ts";

export const texts = {
  shell,
  askByLink,
  askByMail,
  signByLink,
  signIn,
  project,
  keys,
  list,
  inbox,
  people,
  create,
  plan,
  task,
  files,
  graph,
  timeline,
  comments,
  logs,
  metrics,
  record,
  versions,
  signoff,
  header,
};
