// SPDX-License-Identifier: Apache-2.0
// The API that docs/api.md describes.

/** A refusal, in words for whoever sits before it; status 0: nobody answered. */
export class Refused extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

let token = "";

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  } catch {
    throw new Refused(0, "Gatepost does not answer. Is it running?");
  }
  const body = await response.json().catch(() => ({ error: "This is no answer of Gatepost's." }));
  if (!response.ok) throw new Refused(response.status, String(body.error));
  return body;
}

export function get(path, query = new URLSearchParams()) {
  const text = query.toString();
  return ask(`/api/v1/${path}${text ? `?${text}` : ""}`, {});
}

export function post(path, body) {
  return ask(`/api/v1/${path}`, { method: "POST", body, headers: { "Gatepost-Token": token } });
}

/** Who is signed in. Knows the token for what is posted next, too. */
export async function session() {
  const found = await get("session");
  token = found.token;
  return found;
}
