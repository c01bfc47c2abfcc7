import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { readEvents } from '../../client/journal-reader';
import { RUN_EVENTS, type RunEvent } from '../../shared/events';
import { writeError } from '../../shared/file-errors';
import type { JournalCodec, JournalEvent } from '../../shared/journal-codec';

/** `fs.writeSync`, replaceable so that a test can fill the disk. */
export type WriteBytes = (fd: number, bytes: Uint8Array, position: number) => number;

export interface JournalOptions<E extends JournalEvent = RunEvent> {
  readonly write?: WriteBytes;
  /** Sees each event of an earlier process on opening. */
  readonly onOldEvent?: (event: E) => void;
}

/** An event before the journal numbers it. */
type Body<E> = E extends unknown ? Omit<E, 'seq' | 'time'> : never;

/**
 * The append-only `journal.jsonl`. Each event is numbered, checked against its schema, and written
 * by one write before anybody hears of it, so the file is the truth and survives the end of this
 * process at any moment. It is flushed to the disk (fsync) with each checkpoint and at the end: a
 * power failure may cost the steps since the last checkpoint, which a resumed run repeats anyway.
 */
export class Journal<E extends JournalEvent = RunEvent> {
  private readonly listeners = new Set<(event: E) => void>();

  private constructor(
    private readonly codec: JournalCodec<E>,
    readonly file: string,
    private readonly fd: number,
    private readonly write: WriteBytes,
    private readonly offsets: number[],
    private end: number,
  ) {}

  /** `openAs` of a run. */
  static open(file: string, options: JournalOptions = {}): Promise<Journal> {
    return Journal.openAs(RUN_EVENTS, file, options);
  }

  /**
   * Opens or creates the journal; the caller owns the directory. A line that a crash has cut is
   * removed.
   * @throws UserError `bad-event`, `disk-full`, `write-failed`
   */
  static async openAs<E extends JournalEvent>(
    codec: JournalCodec<E>,
    file: string,
    options: JournalOptions<E> = {},
  ): Promise<Journal<E>> {
    const old = await readEvents(codec, file, options.onOldEvent ?? (() => undefined));
    try {
      // Not 'a': with it Linux appends whatever the position, and a failed write could not be undone.
      const fd = openSync(file, old.bytes === 0 && !old.torn ? 'w' : 'r+');
      if (old.torn) ftruncateSync(fd, old.bytes);
      const write = options.write ?? writeAt;
      return new Journal(codec, file, fd, write, [...old.offsets], old.bytes);
    } catch (error) {
      throw writeError(error, file);
    }
  }

  /** `seq` of the next event. */
  get nextSeq(): number {
    return this.offsets.length;
  }

  /** Bytes of all whole lines; nothing beyond is ever shown to a reader. */
  get bytes(): number {
    return this.end;
  }

  /** Byte offset of the line of `seq`; the end for the next one. */
  offsetOf(seq: number): number {
    return this.offsets[seq] ?? this.end;
  }

  /**
   * @throws UserError `disk-full`, `write-failed`; the journal then is as it was before. Error for
   *   an event that no reader would accept, which is a bug of ours.
   */
  append(body: Body<E>): E {
    const event = { seq: this.nextSeq, time: Date.now(), ...body } as unknown as E;
    const line = this.codec.encode(event);
    this.codec.decode(line, { file: this.file, line: this.nextSeq + 1 });
    this.writeLine(Buffer.from(`${line}\n`, 'utf8'));
    for (const listener of this.listeners) listener(event);
    return event;
  }

  /** Calls back after each write. Returns a function that ends it. */
  onAppend(listener: (event: E) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Flushes to the disk. */
  sync(): void {
    try {
      fsyncSync(this.fd);
    } catch (error) {
      throw writeError(error, this.file);
    }
  }

  close(): void {
    this.listeners.clear();
    closeSync(this.fd);
  }

  private writeLine(bytes: Uint8Array): void {
    let written = 0;
    try {
      while (written < bytes.length)
        written += this.write(this.fd, bytes.subarray(written), this.end + written);
    } catch (error) {
      if (written > 0) ftruncateSync(this.fd, this.end);
      throw writeError(error, this.file);
    }
    this.offsets.push(this.end);
    this.end += bytes.length;
  }
}

function writeAt(fd: number, bytes: Uint8Array, position: number): number {
  return writeSync(fd, bytes, 0, bytes.length, position);
}
