// SPDX-License-Identifier: Apache-2.0
import { Refused, post, session } from "../api.js";
import { command, empty, h } from "../dom.js";

export const title = "Sign in";

function field(label, attributes) {
  return h("p", {}, h("label", { for: attributes.id }, label), h("input", { required: true, ...attributes }));
}

/** There is no default password: whoever has the machine makes the first user. */
function howToBegin(who) {
  if (!who.has_users_file)
    return empty(
      "Nobody can sign in yet",
      h("p", {}, "gatepost.yaml names no file of users. Let it name one, and reload Gatepost:"),
      command("users: {file: users}"),
      h("p", {}, "Then make the first user:"),
      command("gatepost user add --dashboard admin NAME"),
    );
  return empty(
    "Nobody can sign in yet",
    h("p", {}, "No user may see the dashboard. Make one on the machine that Gatepost runs on:"),
    command("gatepost user add --dashboard admin NAME"),
    h("p", {}, "Then load this page again."),
  );
}

export async function show(place, { who, draw }) {
  place.append(h("h1", {}, "Sign in"));
  if (!who.has_users) {
    place.append(howToBegin(who));
    return;
  }
  const trouble = h("p", { class: "notice bad", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "main" }, "Sign in");
  const form = h(
    "form",
    { class: "card narrow" },
    field("User", { id: "user", name: "user", autocomplete: "username", autocapitalize: "none", maxlength: 255 }),
    field("Password", { id: "password", name: "password", type: "password", autocomplete: "current-password" }),
    trouble,
    h("p", {}, button),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    trouble.hidden = true;
    try {
      await session(); // its token may be older than a restart
      await post("sign-in", new URLSearchParams(new FormData(form)));
      await draw();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      trouble.textContent = error.message;
      trouble.hidden = false;
      button.disabled = false;
      form.elements.password.value = "";
      form.elements.password.focus();
    }
  });
  place.append(form);
}
