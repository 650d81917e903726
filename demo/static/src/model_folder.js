// The files of a model, with the progress of all together.

/** Sizes of all files in bytes, by their names; the build writes it. */
const SIZES_NAME = "sizes.json";

export class ModelFolder {
  #address;
  #onProgress;
  #sizes;
  #total;
  #done = 0;

  /**
   * @param {URL} address
   * @param {Record<string, number>} sizes
   * @param {(fraction: number) => void} onProgress Gets what is done of all files.
   */
  constructor(address, sizes, onProgress) {
    this.#address = address;
    this.#sizes = sizes;
    this.#total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    this.#onProgress = onProgress;
  }

  /**
   * @param {URL} address
   * @param {(fraction: number) => void} onProgress Gets what is done of all files.
   */
  static async open(address, onProgress) {
    return new ModelFolder(address, await (await fetched(new URL(SIZES_NAME, address))).json(), onProgress);
  }

  /**
   * Whether there is such a file.
   * @param {string} name
   */
  has(name) {
    return name in this.#sizes;
  }

  /**
   * @param {string} name
   * @returns {Promise<any>}
   */
  async json(name) {
    return JSON.parse(new TextDecoder().decode(await this.bytes(name)));
  }

  /**
   * @param {string} name
   * @returns {Promise<Uint8Array>}
   */
  async bytes(name) {
    const { body } = await fetched(new URL(name, this.#address));
    if (!body) throw new Error(`${name} of the model is empty.`);
    const size = this.#sizes[name];
    const content = new Uint8Array(size);
    let length = 0;
    for (const reader = body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      if (length + value.length <= size) content.set(value, length);
      length += value.length;
      this.#done += value.length;
      this.#onProgress(this.#done / this.#total);
    }
    if (length !== size)
      throw new Error(`${name} of the model has ${length} bytes and must have ${size}; load again.`);
    return content;
  }
}

/** @param {URL} address */
async function fetched(address) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Error("The model could not be loaded: the connection failed. Load the page again.");
  }
  if (!response.ok) throw new Error(`The model could not be loaded: ${address.pathname} gives ${response.status}.`);
  return response;
}
