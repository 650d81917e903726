// Records the microphone.

/** Bits per second, so many that compression costs no words. */
const BIT_RATE = 128_000;

export class Microphone {
  /** @type {MediaRecorder | null} */
  #recorder = null;
  #onLevel;

  /** @param {(level: number) => void} onLevel Gets the loudness, 0 to 1, while it records. */
  constructor(onLevel) {
    this.#onLevel = onLevel;
  }

  /** Whether it records. */
  get isRecording() {
    return this.#recorder?.state === "recording";
  }

  /**
   * Begin to record.
   * @returns {Promise<{ended: Promise<ArrayBuffer>}>} When it records, the promise of the file, which `stop` ends.
   */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("This browser gives a page the microphone over HTTPS or from this machine only.");
    }
    let stream;
    try {
      // The network has learnt speech as it is; what makes calls pleasant takes parts of it away.
      const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      const isRefused = error instanceof DOMException && error.name === "NotAllowedError";
      throw new Error(
        isRefused
          ? "The microphone was not allowed. Allow it in the settings of this page and record again."
          : `The microphone cannot be used: ${error instanceof Error ? error.message : error}`,
      );
    }
    const recorder = new MediaRecorder(stream, { audioBitsPerSecond: BIT_RATE });
    this.#recorder = recorder;
    const ended = this.#watched(stream, recorder);
    await new Promise((resolve) => {
      recorder.addEventListener("start", resolve, { once: true });
      recorder.start();
    });
    return { ended };
  }

  /** End the recording. */
  stop() {
    this.#recorder?.stop();
  }

  /**
   * @param {MediaStream} stream
   * @param {MediaRecorder} recorder
   * @returns {Promise<ArrayBuffer>}
   */
  async #watched(stream, recorder) {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const values = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(values);
      // -60 to 0 dB
      const power = values.reduce((sum, value) => sum + value * value, 1e-6) / values.length;
      this.#onLevel(Math.min(Math.max(1 + Math.log10(power) / 6, 0), 1));
    }, 100);
    /** @type {Blob[]} */
    const parts = [];
    try {
      await new Promise((resolve, reject) => {
        recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
        recorder.addEventListener("stop", resolve);
        recorder.addEventListener("error", () => reject(new Error("The recording was interrupted.")));
      });
    } finally {
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
      await context.close();
    }
    return new Blob(parts).arrayBuffer();
  }
}
