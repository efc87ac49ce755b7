/** Comes in by the link of the first start: its token stands behind the "#", which no server hears. */

export function login(): void {
  const token = location.hash.slice(1);
  const form = document.querySelector<HTMLFormElement>("form");
  const field = form?.elements.namedItem("token");
  if (!form || !(field instanceof HTMLInputElement)) return;
  if (!/^amiss_[\w-]+$/.test(token)) return field.focus();
  history.replaceState(null, "", location.pathname + location.search);
  field.value = token;
  form.requestSubmit();
}
