import { describe, expect, it } from "vitest";
import { type Packet, PacketQueue } from "../../src/audio/packets.ts";

const LOUD = 8000;

/** A microphone that gives 20 ms every 20 ms, and a kernel that speaks every 500 ms and hears when it can. */
class Sending {
  now = 0;
  sent: Packet[] = [];
  handled = 0;
  kernel: "free" | "busy" | "gone" = "free";
  lagMs = 0;
  first = 0;
  /** Nobody speaks; else its samples are as loud as speech. */
  isQuiet = false;
  readonly queue = new PacketQueue((packet) => this.sent.push(packet));

  run(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now += 20;
      this.queue.add(
        {
          first_sample: this.first,
          captured_ms: this.now - 20,
          samples: new Int16Array(320).fill(this.isQuiet ? 0 : LOUD + this.first / 320),
        },
        this.now,
      );
      this.first += 320;
      if (this.kernel === "free") {
        const due = (packet: Packet): boolean => packet.captured_ms <= this.now - this.lagMs;
        this.handled = Math.max(this.handled, this.sent.filter(due).at(-1)?.seq ?? 0);
      }
      if (this.now % 500 === 0 && this.kernel !== "gone") {
        this.queue.heartbeat(this.handled, false, this.now);
      }
    }
  }
}

const samplesOf = (packets: Packet[]) => packets.reduce((sum, packet) => sum + packet.samples.length, 0);

describe("PacketQueue", () => {
  it("sends 40 ms at a time, each sample once and in order", () => {
    const sending = new Sending();
    sending.run(2000);
    expect(new Set(sending.sent.map((packet) => packet.samples.length))).toEqual(new Set([640]));
    sending.sent.forEach((packet, n) => {
      expect(packet).toMatchObject({
        seq: n + 1,
        first_sample: n * 640,
        captured_ms: n * 40,
        stale: false,
        gap_ms: 0,
      });
      const values = [...packet.samples.subarray(0, 2), packet.samples[639]!];
      expect(values.map((value) => value - LOUD)).toEqual([2 * n, 2 * n, 2 * n + 1]);
    });
    expect(samplesOf(sending.sent)).toBe(32_000);
  });

  it("sends longer chunks while acknowledgements lag, and short ones again", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.lagMs = 700; // slow, but not busy
    sending.run(2000);
    expect(sending.queue.busy).toBe(false);
    expect(sending.sent.at(-1)!.samples.length).toBe(1600);
    sending.lagMs = 0;
    sending.run(2000);
    expect(sending.sent.at(-1)!.samples.length).toBe(640);
    expect(samplesOf(sending.sent)).toBeGreaterThan(sending.first - 1600);
  });

  it("sends 100 ms at a time while nobody speaks, and a word at once, with what is before it", () => {
    const sending = new Sending();
    sending.queue.changeWay("socket", 0);
    sending.isQuiet = true;
    sending.run(2000);
    expect(sending.sent.map((packet) => packet.samples.length)).toEqual(Array(100).fill(320));
    sending.run(1000);
    expect(sending.sent.slice(100).map((packet) => packet.samples.length)).toEqual(Array(10).fill(1600));
    sending.run(40);
    expect(sending.sent.length).toBe(110);
    sending.isQuiet = false;
    sending.run(20);
    expect(sending.sent.at(-1)!.samples.length).toBe(960);
    sending.isQuiet = true; // A pause that may be the end of a turn.
    sending.run(2000);
    expect(sending.sent.slice(111).map((packet) => packet.samples.length)).toEqual(Array(100).fill(320));
  });

  it("sees a busy kernel only by heartbeats that leave old packets out", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.kernel = "gone";
    sending.run(3000);
    expect(sending.queue.busy).toBe(false);
    const busy = new Sending();
    busy.run(1000);
    busy.kernel = "busy";
    busy.run(1000);
    expect(busy.queue.busy).toBe(false);
    busy.run(500);
    expect(busy.queue.busy).toBe(true);
  });

  it("makes good a pause of up to three seconds, in order", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.kernel = "busy";
    sending.run(3500);
    const paused = sending.sent.length;
    expect(sending.queue.busy).toBe(true);
    sending.kernel = "free";
    sending.run(1000);
    expect(sending.queue.busy).toBe(false);
    expect(sending.sent.length).toBeGreaterThan(paused);
    let next = 0;
    for (const packet of sending.sent) {
      expect(packet.first_sample).toBe(next);
      expect(packet).toMatchObject({ stale: false, gap_ms: 0 });
      next += packet.samples.length;
    }
  });

  it("makes it good in few messages", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.kernel = "busy";
    sending.run(3500);
    const paused = sending.sent.length;
    sending.kernel = "free";
    sending.run(500);
    const made = sending.sent.slice(paused).filter(({ captured_ms }) => captured_ms < 4400);
    expect(samplesOf(made)).toBeGreaterThanOrEqual(2000 * 16);
    expect(made.length).toBeLessThanOrEqual(5);
    expect(Math.max(...made.map(({ samples }) => samples.length))).toBeLessThanOrEqual(8000);
  });

  it("of a longer pause sends the newest three seconds, says that they are stale and how much is missing", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.kernel = "busy";
    sending.run(8000);
    const paused = sending.sent.length;
    const last = sending.sent.at(-1)!;
    sending.kernel = "free";
    sending.run(500);
    const recovered = sending.sent.slice(paused).filter((packet) => packet.stale);
    expect(samplesOf(recovered)).toBeLessThanOrEqual(3100 * 16);
    expect(samplesOf(recovered)).toBeGreaterThanOrEqual(2900 * 16);
    const missing = (recovered[0]!.first_sample - last.first_sample - last.samples.length) / 16;
    expect(recovered[0]!.gap_ms).toBe(missing);
    expect(missing).toBeGreaterThan(3000);
    expect(recovered.slice(1).every((packet) => packet.gap_ms === 0)).toBe(true);
    sending.run(1000);
    expect(sending.sent.at(-1)).toMatchObject({ stale: false, gap_ms: 0 });
  });

  it("sends 20 ms at a time on a socket, and 40 ms again on the comm", () => {
    const sending = new Sending();
    sending.queue.changeWay("socket", 0);
    sending.run(1000);
    expect(new Set(sending.sent.map((packet) => packet.samples.length))).toEqual(new Set([320]));
    sending.queue.changeWay("comm", sending.now);
    sending.run(1000);
    expect(sending.sent.at(-1)!.samples.length).toBe(640);
  });

  it("repeats what is not acknowledged when another way is taken, under the same numbers", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.kernel = "gone";
    sending.run(400);
    const before = sending.sent.map(({ seq }) => seq);
    sending.queue.changeWay("socket", sending.now);
    const again = sending.sent.slice(before.length).map(({ seq }) => seq);
    expect(again).toEqual(before.slice(-10));
    sending.queue.changeWay("comm", sending.now);
    expect(sending.sent.at(-1)!.seq, "nothing new was counted").toBe(before.at(-1));
  });

  it("ends a pause when another way is taken: what kept packets waiting was the last one", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.kernel = "busy";
    sending.run(2500);
    expect(sending.queue.busy).toBe(true);
    sending.queue.changeWay("socket", sending.now);
    expect(sending.queue.busy).toBe(false);
    sending.queue.flush(sending.now);
    const first = new Map(sending.sent.map((packet) => [packet.seq, packet]));
    expect([...first.values()].reduce((sum, packet) => sum + packet.samples.length, 0)).toBe(sending.first);
    expect([...first.values()].every(({ stale }) => !stale)).toBe(true);
  });

  it("keeps ten seconds and no more", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.kernel = "busy";
    sending.run(60_000);
    const paused = sending.sent.length;
    sending.kernel = "free";
    sending.run(500);
    expect(samplesOf(sending.sent.slice(paused))).toBeLessThan(3600 * 16);
  });

  it("repeats what the kernel says it never got, once a second at most", () => {
    const sending = new Sending();
    sending.run(400);
    const before = sending.sent.length;
    sending.queue.heartbeat(before - 3, true, sending.now);
    sending.queue.heartbeat(before - 3, true, sending.now + 500);
    expect(sending.sent.slice(before).map((packet) => packet.seq)).toEqual([before - 2, before - 1, before]);
  });

  it("goes on when the last packets before the pause were lost", () => {
    const sending = new Sending();
    sending.run(1000);
    sending.kernel = "busy";
    sending.run(2000);
    sending.handled = sending.sent.at(-1)!.seq - 2;
    sending.run(1000);
    expect(sending.queue.busy).toBe(true);
    sending.run(1000);
    expect(sending.queue.busy).toBe(false);
  });

  it("calls back when all has gone: now, or after the pause", () => {
    const sending = new Sending();
    sending.run(1020);
    const done: string[] = [];
    sending.queue.flush(sending.now, () => done.push("now"));
    expect(done).toEqual(["now"]);
    expect(sending.sent.at(-1)!.samples.length).toBe(320);
    sending.kernel = "busy";
    sending.run(2480);
    sending.queue.flush(sending.now, () => done.push("later"));
    expect(done).toEqual(["now"]);
    sending.kernel = "free";
    sending.run(1000);
    expect(done).toEqual(["now", "later"]);
  });

  it("does not join what does not follow on each other, and forgets when the microphone is off", () => {
    const sent: Packet[] = [];
    const queue = new PacketQueue((packet) => sent.push(packet));
    const chunk = (first: number) => ({
      first_sample: first,
      captured_ms: first / 16,
      samples: new Int16Array(320),
    });
    queue.add(chunk(0), 20);
    queue.add(chunk(9600), 620);
    queue.add(chunk(9920), 640);
    expect(sent.map((packet) => [packet.first_sample, packet.samples.length])).toEqual([
      [0, 320],
      [9600, 640],
    ]);
    queue.add(chunk(20_000), 1300);
    queue.clear();
    queue.flush(1400);
    expect(sent.length).toBe(2);
  });
});
