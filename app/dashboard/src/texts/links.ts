/** Texts of links with which somebody without an account signs: for whoever makes one, and for whoever has one. */

import { called } from "./words.ts";

export const askByLink = {
  title: "Ask somebody without an account to sign",
  hint: "You make a link for one person. It shows them exactly what waits now, and is good for one approval. You vouch for them: the record names you both.",
  name: "Name for the record",
  email: "E-mail (optional)",
  hours: "Valid for hours",
  make: "Make a link",
  link: "link",
  made: (person: string) => `Send this link to ${person}, and to nobody else.`,
  once: "Whoever has it can sign. It is not shown again.",
  list: "Links of this project",
  of: (person: string, by: string) => `For ${person}, made by ${called(by)}`,
  states: { open: "not used", used: "used", revoked: "revoked", expired: "expired" },
  until: (at: string) => `until ${at}`,
  revoke: "Revoke",
};

export const askByMail = {
  title: "Ask somebody to sign by e-mail",
  hint: "The server mails a link to one person. You never see it. The record says that you asked, and to which address it was sent.",
  person: "E-mail address or name",
  name: "Name, if they are not listed yet",
  ask: "Send the link",
  sent: (person: string, address: string) => `A link for ${person} is being sent to ${address}.`,
  list: "Links that were sent",
  of: (person: string, address: string, by: string) => `For ${person} at ${address}, asked for by ${called(by)}`,
};

export const signByLink = {
  title: (what: string) => `Sign: ${what}`,
  asked: (person: string, by: string, until: string) =>
    `For ${person}. ${called(by)} asks you to read this and to sign it by ${until}.`,
  byServer: (person: string, until: string) => `For ${person}. Please read this, and sign it by ${until}.`,
  phase: (name: string) => `You approve that the phase “${name}” begins. It belongs to this plan:`,
  exactly: "You sign exactly what is on this page. The record will have your name, and will say who asked you.",
  first: "What to know first",
  plan: "What will happen",
  needsApproval: "Somebody must approve this phase before it begins",
  approve: "Approve",
  signed: "Thank you. Your approval is on record.",
  opens: "It was the last one that was needed.",
  takesEffect: (left: string) => `It was the last one that was needed. It takes effect in ${left}.`,
  waits: (missing: string[]) => `Still missing: ${missing.join("; ")}.`,
  recorded: "Your approval was received, and will be on record in a moment.",
  closed: "You cannot sign with this link",
  notALink: "This is not a link to sign. Open the whole link that was sent to you.",
  moreTasks: (count: number) => `${count} more tasks`,
};
