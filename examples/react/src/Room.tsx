import type { ReactElement } from "react";

/** The living room, by day or with its lamp lit. */
export function Room({ lit }: { lit: boolean }): ReactElement {
  return (
    <svg
      className="picture"
      viewBox="0 -80 560 470"
      preserveAspectRatio="xMidYMid slice"
      role="img"
      aria-label={lit ? "The lamp is on" : "The lamp is off"}
    >
      <defs>
        <radialGradient id="glow">
          <stop offset="0" stopColor="#ffd98a" stopOpacity="0.95" />
          <stop offset="0.4" stopColor="#ffc861" stopOpacity="0.4" />
          <stop offset="1" stopColor="#ffc861" stopOpacity="0" />
        </radialGradient>
      </defs>
      <rect className="wall" y="-200" width="560" height="470" />
      <rect className="floor" y="270" width="560" height="200" />
      <g className="window">
        <rect className="sky" x="60" y="48" width="132" height="132" rx="4" />
        <circle className="moon" cx="152" cy="88" r="16" />
        <path className="frame" d="M60 48h132v132H60zM126 48v132M60 114h132" />
      </g>
      <ellipse className="rug" cx="268" cy="318" rx="190" ry="24" />
      <g className="sofa">
        <rect x="84" y="204" width="224" height="72" rx="20" />
        <rect className="seat" x="68" y="238" width="256" height="58" rx="18" />
        <path className="legs" d="M96 296v14M296 296v14" />
      </g>
      <g className="plant">
        <path className="leaf" d="M486 250c-34-8-40-48-32-74 24 12 34 42 32 74zM486 250c0-46 14-76 40-88 10 34-4 72-40 88z" />
        <path className="pot" d="M464 250h46l-7 54h-32z" />
      </g>
      <circle className="glow" cx="392" cy="130" r="220" fill="url(#glow)" />
      <g className="lamp">
        <path className="pole" d="M392 152v152M364 306h56" />
        <path className="shade" d="M366 96h52l22 60h-96z" />
      </g>
    </svg>
  );
}
