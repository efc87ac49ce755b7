export async function set(): Promise<void> {}
