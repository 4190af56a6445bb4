// How many sessions an agent needs: M/M/c with callers who leave when their hold ends. Calls come
// at random at a rate λ, last AHT on average, and c sessions serve them in their order. Pure.
//
//   a = λ·AHT   μ = 1/AHT   k = cμ − λ   v₀ = λ·ErlangB(c − 1, a)   I(x) = v₀(1 − e^(−kx))/k
//   norm = 1 + I(τ) + v₀e^(−kτ)/(cμ)   lost = v₀e^(−kτ)/(cμ)/norm   served within t = (1 +
//   I(t))/norm
#ifndef DIALIN_ERLANG_H
#define DIALIN_ERLANG_H

#define ERLANG_SESSIONS_MAX 100000

struct erlang_load {
    double calls_per_s;   // λ
    double handle_s;      // AHT: how long a session lasts, above 0
    double hold_s;        // τ: how long a caller waits
    double answered_in_s; // t, at most τ
};

struct erlang_service {
    double lost;     // share of the calls, 0 to 1
    double answered; // share of the calls that are served within `answered_in_s`
};

struct erlang_service erlang_service(const struct erlang_load *load, unsigned sessions);

// The fewest sessions with which no more than `lost_max` are lost and at least `answered_min` are
// answered in time; ERLANG_SESSIONS_MAX if not even so many.
unsigned erlang_sessions(const struct erlang_load *load, double lost_max, double answered_min);

#endif
