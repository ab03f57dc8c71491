// SPDX-License-Identifier: Apache-2.0
import { get } from "../api.js";
import { h } from "../dom.js";
import { count, span } from "../format.js";

export const title = "Health";

export async function show(place) {
  const found = await get("health");
  place.append(
    h("h1", {}, "Health"),
    h(
      "dl",
      { class: "card facts" },
      h("dt", {}, "Host"),
      h("dd", {}, found.hostname),
      h("dt", {}, "Dashboard up for"),
      h("dd", {}, span(found.up_s)),
      h("dt", {}, "Signed in"),
      h("dd", {}, count(found.sessions)),
    ),
  );
}
