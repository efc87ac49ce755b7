export async function upload(): Promise<void> {}
