/** Which events stand in the queue, and which is chosen. */

interface Known {
  id: string;
}

export class Standing<T extends Known = import("./shapes").Happening> {
  items: T[] = [];
  private index = 0;

  /** At most so many are kept. */
  constructor(private readonly most: number) {}

  get current(): T | null {
    return this.items[this.index] ?? null;
  }

  get following(): T | null {
    return this.items[this.index + 1] ?? null;
  }

  /** Take up a page that begins at `offset`; what is chosen stays so where it still stands. */
  take(page: T[], offset: number): void {
    const chosen = this.current?.id;
    const known = new Set(page.map((item) => item.id));
    this.items = [...this.items.slice(0, offset).filter((item) => !known.has(item.id)), ...page].slice(0, this.most);
    this.index = Math.max(0, this.items.findIndex((item) => item.id === chosen));
  }

  move(by: number): void {
    this.index = Math.min(Math.max(this.index + by, 0), Math.max(this.items.length - 1, 0));
  }

  choose(id: string): void {
    const found = this.items.findIndex((item) => item.id === id);
    if (found >= 0) this.index = found;
  }

  /** Take one out; gives where it stood. */
  remove(id: string): number {
    const place = this.items.findIndex((item) => item.id === id);
    if (place < 0) return 0;
    this.items.splice(place, 1);
    if (place < this.index) this.index--;
    this.move(0);
    return place;
  }

  insert(item: T, place: number): void {
    this.remove(item.id);
    this.items.splice(place, 0, item);
    if (this.items.length > 1 && place <= this.index) this.index++;
    this.items.length = Math.min(this.items.length, this.most);
  }

  /** Have the newer of one that stands; false where it does not. */
  renew(item: T): boolean {
    const place = this.items.findIndex((each) => each.id === item.id);
    if (place >= 0) this.items[place] = item;
    return place >= 0;
  }
}
