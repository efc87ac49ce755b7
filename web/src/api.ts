/** Asks the server, in the name of the page's session. */

/** What the server says when it does not do what it was asked. */
export class Refusal extends Error {
  constructor(what: string, readonly mend: string | null, readonly status: number) {
    super(what);
  }
}

const csrf = () => document.querySelector<HTMLMetaElement>("meta[name=csrf-token]")?.content ?? "";

async function asked(method: string, path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (method !== "GET") headers.set("X-CSRF-Token", csrf());
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, method, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal("the server does not answer", "see whether it runs", 0);
  }
  if (answer.status === 401) location.assign("/login?then=" + encodeURIComponent(location.pathname));
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer: Response): Promise<Refusal> {
  try {
    const { error } = await answer.json();
    return new Refusal(String(error.what), error.mend ?? null, answer.status);
  } catch {
    return new Refusal(`the server answers ${answer.status}`, null, answer.status);
  }
}

/** An address with what is asked; nothing is asked for null, undefined and "". */
export function address(path: string, asks: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asks)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") query.append(name, String(each));
    }
  }
  return query.size ? `${path}?${query}` : path;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await asked("GET", path, { signal })).json();
}

export async function getBytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await asked("GET", path, { signal })).arrayBuffer();
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  const options = { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return (await asked("POST", path, options)).json();
}

export async function remove(path: string): Promise<void> {
  await asked("DELETE", path);
}

/** Send a form with its files; `told` hears which part of it has gone. */
export function send<T>(path: string, form: FormData, told: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("X-CSRF-Token", csrf());
    request.upload.onprogress = (event) => told(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Refusal("the server does not answer", "see whether it runs", 0));
    request.onload = async () => {
      const answer = new Response(request.responseText, { status: request.status });
      if (request.status < 300) resolve(await answer.json());
      else reject(await refusal(answer));
    };
    request.send(form);
  });
}
