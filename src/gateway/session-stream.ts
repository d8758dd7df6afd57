import { EventWriter } from './event-writer';

interface StoredEvent {
  number: number;
  text: string;
}

/** What a stream keeps for a client that lost its connection. */
const MAX_EVENTS = 1_000;
const MAX_CHARACTERS = 1024 * 1024;

/**
 * One event stream of a session, whether somebody is connected to it or not: events are numbered and the last of them
 * kept, so that a client that lost its connection gets what it has missed (Last-Event-ID), and of this stream alone.
 */
export class SessionStream {
  /** Nothing more will come. */
  isEnded = false;
  private readonly events: StoredEvent[] = [];
  private characters = 0;
  private lastNumber = 0;
  /** The number of the last event that was handed to a connection. */
  private delivered = 0;
  private writer: EventWriter | null = null;

  constructor(readonly number: number) {}

  get isConnected(): boolean {
    return this.writer?.isOpen === true;
  }

  get keptCharacters(): number {
    return this.characters;
  }

  send(text: string): void {
    this.lastNumber += 1;
    this.events.push({ number: this.lastNumber, text });
    this.characters += text.length;
    while (this.events.length > MAX_EVENTS || this.characters > MAX_CHARACTERS) {
      // The newest stays whatever its size: it may be the answer.
      if (this.events.length === 1) break;
      this.characters -= this.events.shift()?.text.length ?? 0;
    }
    this.deliver();
  }

  /** Hands over to a new connection, after the event `after` (default: what nobody has got yet). The one before is ended. */
  connect(writer: EventWriter, after?: number): void {
    this.writer?.end();
    this.writer = writer;
    this.delivered = after ?? this.delivered;
    this.deliver();
    if (this.isEnded) writer.end();
  }

  /** An id to begin with, for clients that take a stream up again wherever it breaks. */
  prime(): void {
    this.writer?.prime(this.eventId(this.lastNumber));
  }

  beat(): void {
    this.writer?.beat();
  }

  end(): void {
    this.isEnded = true;
    this.writer?.end();
  }

  private deliver(): void {
    const { writer } = this;
    if (writer === null) return;
    for (const { number, text } of this.events) {
      if (number <= this.delivered) continue;
      if (!writer.send(text, this.eventId(number))) {
        this.writer = null;
        return;
      }
      this.delivered = number;
    }
  }

  private eventId(number: number): string {
    return `${this.number}-${number}`;
  }
}
