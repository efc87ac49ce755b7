export async function explore(): Promise<void> {}
