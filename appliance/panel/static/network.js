// The box's ports, its clock, and the nodes that something is wrong with. Asked for while they are in sight.

import { $, children, element, fill, show } from "./dom.js";

const EVERY_MS = 5_000;
const MOST = 50;

export class Network {
  // `wanted()`: whether it is in sight, and the box can be heard
  constructor(wanted) {
    this.wanted = wanted;
    this.asked = -EVERY_MS;
  }

  draw() {
    const now = performance.now();
    if (!this.wanted() || document.hidden || now - this.asked < EVERY_MS) return;
    this.asked = now;
    this.ask();
  }

  async ask() {
    try {
      const [network, peers] = await Promise.all(["/panel/network", `/panel/peers?limit=${MOST}`].map(get));
      this.drawPorts(network.interfaces);
      this.drawClock(network.ptp);
      this.drawTroubles(peers.peers.filter((peer) => peer.error || peer.lost_since !== null));
    } catch {
      // the page says elsewhere that the box does not answer
    }
  }

  drawPorts(ports) {
    children($("ports"), ports, newEntry, (line, port) => {
      const speed = port.speed_mbps && port.state === "up" ? `, ${port.speed_mbps >= 1000 ? `${port.speed_mbps / 1000} Gbit/s` : `${port.speed_mbps} Mbit/s`}` : "";
      fill(line.children[0], port.name);
      fill(line.children[1], ` ${port.state}${speed}${port.media ? "" : ", not for media"}`);
      const cable = port.neighbour ? `to ${port.neighbour.name}, port ${port.neighbour.port}` : "";
      fill(line.children[2], [port.addresses.join(", "), cable].filter(Boolean).join(" · "));
    });
  }

  drawClock(ptp) {
    const offset = ptp?.offset_ns === null || !ptp ? "" : `, ${Math.abs(ptp.offset_ns) < 1000 ? `${Math.round(ptp.offset_ns)} ns` : `${Math.round(ptp.offset_ns / 1000)} µs`} off`;
    fill($("clock"), ptp ? `PTP: ${ptp.locked ? "locked" : "not locked"} to ${ptp.grandmaster}, domain ${ptp.domain}${offset}` : "No PTP clock");
  }

  drawTroubles(peers) {
    show($("troubles"), peers.length > 0);
    children($("troubled"), peers, newEntry, (line, peer) => {
      fill(line.children[0], peer.label || peer.name);
      fill(line.children[1], "");
      fill(line.children[2], peer.error || "it does not answer any more");
    });
  }
}

async function get(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS) });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function newEntry() {
  return element("li", { dir: "auto" }, element("b"), element("span"), element("small"));
}
