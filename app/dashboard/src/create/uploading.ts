/** Uploads one file, with XMLHttpRequest because fetch does not report the progress of an upload. */
import { prefix } from "../api/prefix";
import { ApiError, newKey, refusal } from "../api/client";
import { hold } from "../api/sending";

/** Upload one file. @throws ApiError the server refused it, or could not be reached. */
export function upload(projectId: string, file: File, onprogress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${prefix}/api/projects/${projectId}/files/upload`);
    request.setRequestHeader("Idempotency-Key", newKey());
    request.upload.onprogress = ({ loaded, total }) => onprogress(total ? loaded / total : 0);
    request.onload = () => {
      if (request.status < 300) resolve();
      else reject(refusal(parsed(request.responseText), request.status));
    };
    request.onerror = request.onabort = () => reject(new ApiError("", "unreachable", 0));
    request.onloadend = hold();
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
