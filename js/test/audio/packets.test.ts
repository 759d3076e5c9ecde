import { describe, expect, it } from "vitest";
import { type Packet, PacketQueue } from "../../src/audio/packets.ts";

/** A microphone that gives 20 ms every 20 ms, and a kernel that speaks every 500 ms and hears when it can. */
class Talk {
  now = 0;
  sent: Packet[] = [];
  handled = 0;
  kernel: "free" | "busy" | "gone" = "free";
  lagMs = 0;
  first = 0;
  readonly uplink = new PacketQueue((packet) => this.sent.push(packet));

  run(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now += 20;
      this.uplink.add(
        {
          first_sample: this.first,
          captured_ms: this.now - 20,
          samples: new Int16Array(320).fill(this.first / 320),
        },
        this.now,
      );
      this.first += 320;
      if (this.kernel === "free") {
        const due = (packet: Packet): boolean => packet.captured_ms <= this.now - this.lagMs;
        this.handled = Math.max(this.handled, this.sent.filter(due).at(-1)?.seq ?? 0);
      }
      if (this.now % 500 === 0 && this.kernel !== "gone") {
        this.uplink.heartbeat(this.handled, false, this.now);
      }
    }
  }
}

const samplesOf = (packets: Packet[]) => packets.reduce((sum, packet) => sum + packet.samples.length, 0);

describe("Uplink", () => {
  it("sends 40 ms at a time, each sample once and in order", () => {
    const talk = new Talk();
    talk.run(2000);
    expect(new Set(talk.sent.map((packet) => packet.samples.length))).toEqual(new Set([640]));
    talk.sent.forEach((packet, n) => {
      expect(packet).toMatchObject({
        seq: n + 1,
        first_sample: n * 640,
        captured_ms: n * 40,
        stale: false,
        gap_ms: 0,
      });
      expect([...packet.samples.subarray(0, 2), packet.samples[639]]).toEqual([2 * n, 2 * n, 2 * n + 1]);
    });
    expect(samplesOf(talk.sent)).toBe(32_000);
  });

  it("sends longer chunks while acknowledgements lag, and short ones again", () => {
    const talk = new Talk();
    talk.run(1000);
    talk.lagMs = 700; // slow, but not busy
    talk.run(2000);
    expect(talk.uplink.busy).toBe(false);
    expect(talk.sent.at(-1)!.samples.length).toBe(1600);
    talk.lagMs = 0;
    talk.run(2000);
    expect(talk.sent.at(-1)!.samples.length).toBe(640);
    expect(samplesOf(talk.sent)).toBeGreaterThan(talk.first - 1600);
  });

  it("sees a busy kernel only by heartbeats that leave old packets out", () => {
    const talk = new Talk();
    talk.run(1000);
    talk.kernel = "gone";
    talk.run(3000);
    expect(talk.uplink.busy).toBe(false);
    const busy = new Talk();
    busy.run(1000);
    busy.kernel = "busy";
    busy.run(1000);
    expect(busy.uplink.busy).toBe(false);
    busy.run(500);
    expect(busy.uplink.busy).toBe(true);
  });

  it("makes good a pause of up to three seconds, in order", () => {
    const talk = new Talk();
    talk.run(1000);
    talk.kernel = "busy";
    talk.run(3500);
    const paused = talk.sent.length;
    expect(talk.uplink.busy).toBe(true);
    talk.kernel = "free";
    talk.run(1000);
    expect(talk.uplink.busy).toBe(false);
    expect(talk.sent.length).toBeGreaterThan(paused);
    let next = 0;
    for (const packet of talk.sent) {
      expect(packet.first_sample).toBe(next);
      expect(packet).toMatchObject({ stale: false, gap_ms: 0 });
      next += packet.samples.length;
    }
  });

  it("of a longer pause sends the newest three seconds, says that they are stale and how much is missing", () => {
    const talk = new Talk();
    talk.run(1000);
    talk.kernel = "busy";
    talk.run(8000);
    const paused = talk.sent.length;
    const last = talk.sent.at(-1)!;
    talk.kernel = "free";
    talk.run(500);
    const recovered = talk.sent.slice(paused).filter((packet) => packet.stale);
    expect(samplesOf(recovered)).toBeLessThanOrEqual(3100 * 16);
    expect(samplesOf(recovered)).toBeGreaterThanOrEqual(2900 * 16);
    const missing = (recovered[0]!.first_sample - last.first_sample - last.samples.length) / 16;
    expect(recovered[0]!.gap_ms).toBe(missing);
    expect(missing).toBeGreaterThan(3000);
    expect(recovered.slice(1).every((packet) => packet.gap_ms === 0)).toBe(true);
    talk.run(1000);
    expect(talk.sent.at(-1)).toMatchObject({ stale: false, gap_ms: 0 });
  });

  it("keeps ten seconds and no more", () => {
    const talk = new Talk();
    talk.run(1000);
    talk.kernel = "busy";
    talk.run(60_000);
    const paused = talk.sent.length;
    talk.kernel = "free";
    talk.run(500);
    expect(samplesOf(talk.sent.slice(paused))).toBeLessThan(3600 * 16);
  });

  it("repeats what the kernel says it never got, once a second at most", () => {
    const talk = new Talk();
    talk.run(400);
    const before = talk.sent.length;
    talk.uplink.heartbeat(before - 3, true, talk.now);
    talk.uplink.heartbeat(before - 3, true, talk.now + 500);
    expect(talk.sent.slice(before).map((packet) => packet.seq)).toEqual([before - 2, before - 1, before]);
  });

  it("goes on when the last packets before the pause were lost", () => {
    const talk = new Talk();
    talk.run(1000);
    talk.kernel = "busy";
    talk.run(2000);
    talk.handled = talk.sent.at(-1)!.seq - 2;
    talk.run(1000);
    expect(talk.uplink.busy).toBe(true);
    talk.run(1000);
    expect(talk.uplink.busy).toBe(false);
  });

  it("calls back when all has gone: now, or after the pause", () => {
    const talk = new Talk();
    talk.run(1020);
    const done: string[] = [];
    talk.uplink.flush(talk.now, () => done.push("now"));
    expect(done).toEqual(["now"]);
    expect(talk.sent.at(-1)!.samples.length).toBe(320);
    talk.kernel = "busy";
    talk.run(2480);
    talk.uplink.flush(talk.now, () => done.push("later"));
    expect(done).toEqual(["now"]);
    talk.kernel = "free";
    talk.run(1000);
    expect(done).toEqual(["now", "later"]);
  });

  it("does not join what does not follow on each other, and forgets when the microphone is off", () => {
    const sent: Packet[] = [];
    const uplink = new PacketQueue((packet) => sent.push(packet));
    const chunk = (first: number) => ({
      first_sample: first,
      captured_ms: first / 16,
      samples: new Int16Array(320),
    });
    uplink.add(chunk(0), 20);
    uplink.add(chunk(9600), 620);
    uplink.add(chunk(9920), 640);
    expect(sent.map((packet) => [packet.first_sample, packet.samples.length])).toEqual([
      [0, 320],
      [9600, 640],
    ]);
    uplink.add(chunk(20_000), 1300);
    uplink.clear();
    uplink.flush(1400);
    expect(sent.length).toBe(2);
  });
});
