# What R says about the designs of designs.txt: the numbers in expected.csv that lipsweep's analysis is compared with.
#
#   Rscript reference.R generate designs.txt          makes the designs (they are committed: no need to)
#   Rscript reference.R compute designs.txt OUT       writes design,quantity,name,value
#   Rscript reference.R check designs.txt EXPECTED    computes again and compares to 1e-9 relative
#
# Where R has a function of its own it is used: t.test, p.adjust, aov with Error strata, anova.mlm (epsilons), oneway.test.
# Else formulas are written down by other means than lipsweep's: hypothesis spaces by QR of model matrices, shares by means
# over margins, the noncentral F by its series.

options(digits = 17, contrasts = c("contr.sum", "contr.poly"))
level_value <- function(i) 0.1 * 3^(i - 1)   # of every axis

# ---- designs: a line "D id name independent levels...", then "R cell seed response" in 1/10000; cells from 0, last axis fastest

cells_of <- function(levels) {
  grid <- expand.grid(rev(lapply(levels, seq_len)))
  grid <- grid[, rev(seq_along(levels)), drop = FALSE]
  names(grid) <- letters[seq_along(levels)]
  grid
}

generate <- function(file) {
  set.seed(20181122)
  out <- file(file, "w")
  id <- 0
  make <- function(name, levels, n, independent = FALSE, drop = integer(0), lose = NULL, slope = 0, effects = TRUE,
                   noise = 200, step = 1, constant = FALSE, uneven = FALSE) {
    id <<- id + 1
    grid <- cells_of(levels)
    main <- if (effects) 800 * (grid[[1]] - 1) + 150 * (grid[[min(2, ncol(grid))]] - 1) * (grid[[1]] == 1) else 0
    writeLines(paste("D", id, name, as.integer(independent), paste(levels, collapse = " ")), out)
    for (s in seq_len(n)) {
      block <- rnorm(1, 0, 300)
      tilt <- slope * rnorm(1) * grid[[1]]
      y <- 6000 + main + (if (independent) 0 else block + tilt) + rnorm(nrow(grid), 0, noise)
      y <- if (constant) rep(7000, nrow(grid)) else step * round(y / step)
      for (cell in seq_len(nrow(grid))) {
        if (cell %in% drop || (s %in% lose$seed && cell %in% lose$cell)) next
        if (uneven && s > 2 && (cell + s) %% 3 == 0) next
        writeLines(paste("R", cell - 1, s, y[cell]), out)
      }
    }
  }
  make("balanced-3", c(3), 5); make("balanced-3x3", c(3, 3), 5); make("balanced-3x3x3", c(3, 3, 3), 5)
  make("balanced-2x3", c(2, 3), 4); make("balanced-4x2x3", c(4, 2, 3), 3); make("balanced-2x2x2x2", c(2, 2, 2, 2), 5)
  make("balanced-2x3x2x2x2", c(2, 3, 2, 2, 2), 3); make("balanced-5x4", c(5, 4), 6); make("ten-seeds", c(3, 3), 10)
  make("two-seeds", c(3, 2), 2); make("two-levels", c(2, 2), 3)
  make("slope-3x3x3", c(3, 3, 3), 5, slope = 300); make("slope-4x2", c(4, 2), 6, slope = 500)
  make("slope-2x3x4", c(2, 3, 4), 4, slope = 200); make("no-effects", c(3, 3), 5, effects = FALSE)
  make("no-effects-slope", c(3, 3, 3), 5, effects = FALSE, slope = 300)
  make("missing-cell", c(3, 3), 5, drop = 5); make("missing-cells", c(3, 3, 3), 5, drop = c(2, 14, 27))
  make("missing-row", c(3, 4), 4, drop = c(3, 7)); make("missing-many", c(3, 3, 2), 5, drop = c(1, 4, 8, 11, 17))
  make("missing-4-axes", c(2, 2, 3, 2), 4, drop = c(3, 20))
  make("lost-job", c(3, 3), 5, lose = list(seed = 4, cell = 6)); make("lost-jobs", c(3, 3, 2), 6, lose = list(seed = c(1, 6), cell = c(2, 9)))
  make("lost-and-missing", c(3, 3), 6, drop = 9, lose = list(seed = 2, cell = 1)); make("lost-all-but-one", c(2, 3), 3, lose = list(seed = 1:2, cell = 2))
  make("one-seed-3x3", c(3, 3), 1); make("one-seed-3x3x3", c(3, 3, 3), 1); make("one-seed-missing", c(3, 3, 2), 1, drop = c(4, 10))
  make("independent-3x3", c(3, 3), 5, independent = TRUE); make("independent-2x3x2", c(2, 3, 2), 3, independent = TRUE)
  make("independent-uneven", c(3, 3), 6, independent = TRUE, uneven = TRUE)
  make("independent-uneven-3", c(2, 3, 2), 5, independent = TRUE, uneven = TRUE)
  make("independent-missing", c(3, 3), 4, independent = TRUE, drop = 5); make("independent-one", c(3, 3), 1, independent = TRUE)
  make("ties", c(3, 3), 5, step = 500); make("ties-coarse", c(3, 2), 4, step = 2000, effects = FALSE, noise = 900)
  make("constant", c(3, 3), 4, constant = TRUE); make("small-noise", c(3, 3), 5, noise = 2)
  close(out)
}

read_designs <- function(file) {
  designs <- list()
  for (line in strsplit(readLines(file), " ")) {
    if (line[1] == "D") {
      levels <- as.integer(line[-(1:4)])
      designs[[length(designs) + 1]] <- list(id = line[2], name = line[3], independent = line[4] == "1", levels = levels,
                                             rows = list())
    } else {
      k <- length(designs)
      designs[[k]]$rows[[length(designs[[k]]$rows) + 1]] <- as.numeric(line[-1])
    }
  }
  lapply(designs, function(d) {
    rows <- do.call(rbind, d$rows)
    d$y <- matrix(NA, prod(d$levels), max(rows[, 2]))   # [cell, seed]
    d$y[cbind(rows[, 1] + 1, rows[, 2])] <- rows[, 3] / 10000
    d$grid <- cells_of(d$levels)
    d$axes <- names(d$grid)
    d
  })
}

# ---- the analysis

effects_of <- function(axes) {
  sets <- unlist(lapply(seq_along(axes), function(k) combn(axes, k, simplify = FALSE)), recursive = FALSE)
  names(sets) <- sapply(sets, paste, collapse = ":")
  sets
}

factors_of <- function(grid) as.data.frame(lapply(grid, factor))

# Orthonormal basis (columns) of the type II hypothesis space over the cells of `grid`, rows weighted.
type2 <- function(d, grid, effect, weights = rep(1, nrow(grid))) {
  f <- factors_of(cells_of(d$levels))[as.integer(rownames(grid)), , drop = FALSE]
  columns <- function(sets) {
    parts <- c(list(matrix(1, nrow(f), 1)), lapply(sets, function(s) {
      model.matrix(as.formula(paste("~ 0 +", paste(s, collapse = ":"))), f)
    }))
    weights * do.call(cbind, parts)
  }
  all <- effects_of(d$axes)
  without <- columns(all[!sapply(all, function(s) all(effect %in% s))])
  own <- qr.resid(qr(without, tol = 1e-9), columns(list(effect)))
  decomposition <- svd(own)
  decomposition$u[, decomposition$d > 1e-8, drop = FALSE]
}

noncentral_f <- function(f, df1, df2, ncp) {
  j <- if (ncp == 0) 0 else max(0, floor(ncp / 2 - 12 * sqrt(ncp / 2) - 60)):ceiling(ncp / 2 + 12 * sqrt(ncp / 2) + 60)
  sum(dpois(j, ncp / 2) * pbeta(df1 * f / (df1 * f + df2), df1 / 2 + j, df2 / 2))
}

# The largest non-centrality under which P(F <= f) is above p; 0: none. Degrees of freedom and non-centrality times an epsilon
# that depends on it.
last_above <- function(p, f, df1, df2, hf, gg) {
  none <- 1 - (1 - 3 / df1^2) * (1 - hf)
  at <- function(ncp) {
    epsilon <- none + (gg - none) * ncp / (ncp + 2)
    noncentral_f(f, epsilon * df1, epsilon * df2, epsilon * ncp)
  }
  high <- df1 * f + 1
  while (at(high) > p) high <- 2 * high
  candidates <- high / 2^(1:200)
  above <- Find(function(ncp) at(ncp) > p, c(candidates[candidates > 5e-4], 0))
  if (is.null(above)) return(0)
  uniroot(function(x) at(x) - p, c(above, max(2 * above, if (above == 0) 1e-3)), tol = 1e-15 * high, maxiter = 10000)$root
}

compute <- function(designs) {
  out <- list()
  for (d in designs) {
    emit <- function(quantity, name, value) {
      out[[length(out) + 1]] <<- data.frame(design = d$id, quantity = quantity, name = name, value = as.numeric(value))
    }
    y <- d$y
    there <- which(rowSums(!is.na(y)) > 0)
    seeds <- which(colSums(is.na(y[there, , drop = FALSE])) == 0)
    cells(d, y, there, emit)
    trends(d, y, emit)
    ends(d, y, emit)
    if (d$independent && max(rowSums(!is.na(y))) > 1) pure(d, y, there, emit)
    else if (ncol(y) == 1) highest(d, y, there, emit)
    else if (length(seeds) >= 2) blocks(d, y[there, seeds, drop = FALSE], there, emit)
    else emit("refused", "anova", 1)
  }
  do.call(rbind, out)
}

interval <- function(test) (test$conf.int[2] - test$conf.int[1]) / 2

cells <- function(d, y, there, emit) {
  p <- c()
  for (cell in there) {
    values <- y[cell, !is.na(y[cell, ])]
    emit("mean", cell - 1, mean(values))
    if (length(values) > 1) emit("sd", cell - 1, sd(values))
    if (length(values) > 1 && sd(values) > 0) emit("half_width", cell - 1, interval(t.test(values)))
    if (cell == there[1]) next
    a <- y[cell, ]; b <- y[there[1], ]
    if (!d$independent) {
      both <- !is.na(a) & !is.na(b)
      difference <- (a - b)[both]
      emit("difference", cell - 1, mean(difference))
      if (sum(both) > 1 && sd(difference) > 1e-14) {
        test <- t.test(a[both], b[both], paired = TRUE)
        emit("difference_half_width", cell - 1, interval(test))
        p[as.character(cell - 1)] <- test$p.value
      }
    } else {
      a <- a[!is.na(a)]; b <- b[!is.na(b)]
      emit("difference", cell - 1, mean(a) - mean(b))
      if (length(a) > 1 && length(b) > 1) {
        test <- t.test(a, b)
        emit("difference_half_width", cell - 1, interval(test))
        p[as.character(cell - 1)] <- test$p.value
      }
    }
  }
  adjusted <- p.adjust(p, "holm")
  for (name in names(p)) { emit("difference_p", name, p[name]); emit("difference_holm", name, adjusted[name]) }
  long <- data.frame(y = as.vector(y), cell = factor(rep(seq_len(nrow(y)), ncol(y))))
  long <- long[!is.na(long$y) & long$cell %in% which(rowSums(!is.na(y)) > 1), ]
  if (nrow(long) > 0 && length(unique(long$cell)) > 1 && var(long$y) > 0) {
    long$distance <- abs(long$y - ave(long$y, long$cell, FUN = median))
    if (any(tapply(long$distance, droplevels(long$cell), var) > 1e-24)) {
      test <- oneway.test(distance ~ cell, droplevels(long), var.equal = TRUE)
      emit("brown_forsythe", "f", test$statistic); emit("brown_forsythe", "p", test$p.value)
    }
  }
}

# Slope over log10 of the levels by least squares with a constant for each combination of the other axes.
trends <- function(d, y, emit) {
  for (axis in d$axes) {
    x <- log10(level_value(d$grid[[axis]]))
    group <- do.call(paste, c(d$grid[setdiff(d$axes, axis)], list(rep("", nrow(y)))))
    slope <- function(values) {
      whole <- ave(as.numeric(is.na(values)), group, FUN = sum) == 0
      if (!any(whole)) return(NA)
      f <- factor(group[whole])
      X <- cbind(x[whole], if (nlevels(f) > 1) model.matrix(~ 0 + f) else 1)
      unname(lm.fit(X, values[whole])$coefficients[1])
    }
    if (ncol(y) == 1) {   # one training a point: the combinations of the other axes stand for seeds
      slopes <- sapply(split(seq_len(nrow(y)), group), function(i) {
        if (any(is.na(y[i, 1]))) NA else unname(coef(lm(y[i, 1] ~ x[i]))[2])
      })
      slopes <- slopes[!is.na(slopes)]
      if (length(slopes) == 0) next
      emit("trend", axis, mean(slopes))
      if (length(slopes) > 1) emit("trend_half_width", axis, interval(t.test(slopes)))
    } else if (!d$independent) {
      slopes <- apply(y, 2, slope)
      slopes <- slopes[!is.na(slopes)]
      if (length(slopes) == 0) next
      emit("trend", axis, mean(slopes))
      if (length(slopes) > 1 && sd(slopes) > 1e-14) emit("trend_half_width", axis, interval(t.test(slopes)))
    } else {
      emit("trend", axis, slope(rowMeans(y, na.rm = TRUE)))
    }
  }
}

# Highest level of an axis minus its lowest, over the combinations of the other axes that have both.
ends <- function(d, y, emit) {
  for (axis in d$axes) {
    level <- d$grid[[axis]]
    group <- do.call(paste, c(d$grid[setdiff(d$axes, axis)], list(rep("", nrow(y)))))
    low <- which(level == 1); high <- which(level == max(level))
    pairs <- if (d$independent && ncol(y) > 1) {
      means <- rowMeans(y, na.rm = TRUE)
      means[high[match(group[low], group[high])]] - means[low]
    } else {
      differences <- y[high[match(group[low], group[high])], , drop = FALSE] - y[low, , drop = FALSE]
      if (ncol(y) == 1) differences[, 1] else colMeans(differences, na.rm = TRUE)
    }
    pairs <- pairs[!is.na(pairs)]
    if (length(pairs) == 0) next
    emit("ends", axis, mean(pairs))
    if (length(pairs) > 1 && sd(pairs) > 1e-14 && !(d$independent && ncol(y) > 1)) {
      test <- t.test(pairs)
      emit("ends_half_width", axis, interval(test)); emit("ends_p", axis, test$p.value)
    }
  }
}

size <- function(emit, name, f, df1, df2, hf, gg, observations) {
  emit("size", name, (f - 1) * df1 / observations)
  emit("size_low", name, last_above(0.975, f, df1, df2, hf, gg) / observations)
  emit("size_high", name, last_above(0.025, f, df1, df2, hf, gg) / observations)
}

blocks <- function(d, y, there, emit) {
  n <- ncol(y)
  complete <- length(there) == prod(d$levels)
  grid <- d$grid[there, , drop = FALSE]
  effects <- effects_of(d$axes)
  if (max(y) == min(y)) { for (name in names(effects)) emit("f", name, NA); return() }
  strata <- if (complete) {
    long <- data.frame(y = as.vector(y), factors_of(grid)[rep(seq_len(nrow(grid)), n), , drop = FALSE],
                       seed = factor(rep(seq_len(n), each = nrow(grid))))
    terms <- paste(d$axes, collapse = "*")
    summary(aov(as.formula(paste0("y ~ ", terms, " + Error(seed/(", terms, "))")), long))
  }
  for (name in names(effects)) {
    effect <- effects[[name]]
    if (complete) {
      table <- strata[[paste0("Error: seed:", name)]][[1]]
      f <- table[1, "F value"]; df1 <- table[1, "Df"]; df2 <- table[2, "Df"]; p <- table[1, "Pr(>F)"]
      all <- effects_of(d$axes)
      without <- all[!sapply(all, function(s) all(effect %in% s))]
      X <- as.formula(paste("~ 1", paste0(c("", sapply(without, paste, collapse = ":")), collapse = " + ")))
      if (length(without) == 0) X <- ~ 1
      M <- as.formula(paste(paste(deparse(X, width.cutoff = 500), collapse = ""), "+", name))
      mlm <- lm(t(y) ~ 1)
      # With two seeds there is no Huynh-Feldt epsilon and R warns.
      anova_table <- suppressWarnings(anova(mlm, M = M, X = X, idata = factors_of(grid), test = "Spherical"))
      emit("p_gg", name, anova_table[1, "G-G Pr"])
      # anova.mlm's epsilons are not in its value: they are computed below, its p-values confirm them.
    }
    C <- type2(d, grid, effect)
    rank <- ncol(C)
    emit("rank", name, rank)
    if (rank == 0) next
    z <- t(C) %*% y
    S <- cov(t(z))
    trace <- sum(diag(S))
    if (!complete) {
      f <- n * sum(rowMeans(z)^2) / trace
      df1 <- rank; df2 <- rank * (n - 1)
      p <- pf(f, df1, df2, lower.tail = FALSE)
    }
    gg <- trace^2 / (rank * sum(S^2))
    hf <- if (n < 3) gg else if (n - 1 - rank * gg <= 1e-12) 1 else (n * rank * gg - 2) / (rank * (n - 1 - rank * gg))
    hf <- min(1, max(hf, gg))
    emit("f", name, f); emit("df2", name, df2); emit("p", name, p)
    emit("epsilon_gg", name, gg); emit("epsilon_hf", name, hf)
    if (!complete) emit("p_gg", name, pf(f, gg * df1, gg * df2, lower.tail = FALSE))
    else if (n > 2 && hf < 1) emit("p_hf", name, anova_table[1, "H-F Pr"])
    else emit("p_hf", name, pf(f, hf * df1, hf * df2, lower.tail = FALSE))
    if (!complete) emit("p_hf", name, pf(f, hf * df1, hf * df2, lower.tail = FALSE))
    size(emit, name, f, df1, df2, hf, gg, n * length(there))
  }
  if (complete) shares(d, y, grid, emit, function(C) sum(diag(cov(t(t(C) %*% y)))) / n)
}

# The part of each effect in the cell means by taking away what smaller effects explain.
effect_parts <- function(d, means, grid) {
  effects <- effects_of(d$axes)
  parts <- list(); rest <- means - mean(means)
  for (name in names(effects)) {
    parts[[name]] <- ave(rest, do.call(paste, grid[effects[[name]]]))
    rest <- rest - parts[[name]]
  }
  parts
}

shares <- function(d, y, grid, emit, noise) {
  effects <- effects_of(d$axes)
  parts <- effect_parts(d, rowMeans(y, na.rm = TRUE), grid)
  variance <- sapply(names(effects), function(name) mean(parts[[name]]^2) - noise(type2(d, grid, effects[[name]])) / nrow(grid))
  if (sum(variance) <= 0) return()
  for (name in names(effects)) emit("share", name, variance[name] / sum(variance))
  for (axis in d$axes) emit("total", axis, sum(variance[sapply(effects, function(s) axis %in% s)]) / sum(variance))
}

pure <- function(d, y, there, emit) {
  grid <- d$grid[there, , drop = FALSE]
  replicates <- rowSums(!is.na(y[there, , drop = FALSE]))
  means <- rowMeans(y[there, , drop = FALSE], na.rm = TRUE)
  df2 <- sum(replicates - 1)
  error <- sum((y[there, , drop = FALSE] - means)^2, na.rm = TRUE) / df2
  effects <- effects_of(d$axes)
  balanced <- length(there) == prod(d$levels) && all(replicates == replicates[1])
  if (balanced) {
    long <- data.frame(y = as.vector(y[there, ]), factors_of(grid)[rep(seq_len(nrow(grid)), ncol(y)), , drop = FALSE])
    table <- summary(aov(as.formula(paste("y ~", paste(d$axes, collapse = "*"))), long))[[1]]
    rownames(table) <- trimws(rownames(table))
  }
  for (name in names(effects)) {
    C <- type2(d, grid, effects[[name]], sqrt(replicates))
    emit("rank", name, ncol(C))
    if (ncol(C) == 0) next
    f <- if (balanced) table[name, "F value"] else sum((t(C) %*% (sqrt(replicates) * means))^2) / ncol(C) / error
    emit("f", name, f); emit("df2", name, df2)
    emit("p_hf", name, pf(f, ncol(C), df2, lower.tail = FALSE))
    size(emit, name, f, ncol(C), df2, 1, 1, sum(replicates))
  }
  if (length(there) == prod(d$levels))
    shares(d, y[there, ], grid, emit, function(C) error * sum(C^2 / replicates))
}

highest <- function(d, y, there, emit) {
  grid <- d$grid[there, , drop = FALSE]
  effects <- effects_of(d$axes)
  squares <- lapply(effects, function(effect) { C <- type2(d, grid, effect); c(ncol(C), sum((t(C) %*% y[there, 1])^2)) })
  last <- squares[[length(squares)]]
  for (name in names(effects)[-length(effects)]) {
    emit("rank", name, squares[[name]][1])
    if (last[1] == 0 || squares[[name]][1] == 0) next
    f <- squares[[name]][2] / squares[[name]][1] / (last[2] / last[1])
    emit("f", name, f); emit("df2", name, last[1])
    emit("p_hf", name, pf(f, squares[[name]][1], last[1], lower.tail = FALSE))
    size(emit, name, f, squares[[name]][1], last[1], 1, 1, length(there))
  }
  if (length(there) == prod(d$levels)) shares(d, y[there, , drop = FALSE], grid, emit, function(C) 0)
}

write_out <- function(result, file) {
  text <- ifelse(is.na(result$value), "NA", sprintf("%.12g", result$value))
  writeLines(c("design,quantity,name,value", paste(result$design, result$quantity, result$name, text, sep = ",")), file)
}

arguments <- commandArgs(TRUE)
if (arguments[1] == "generate") generate(arguments[2])
if (arguments[1] == "compute") write_out(compute(read_designs(arguments[2])), arguments[3])
if (arguments[1] == "check") {
  file <- tempfile()
  write_out(compute(read_designs(arguments[2])), file)
  old <- read.csv(arguments[3]); new <- read.csv(file)
  stopifnot(nrow(old) > 1000, nrow(old) == nrow(new), all(old$quantity == new$quantity), all(old$name == new$name))
  far <- which(is.na(old$value) != is.na(new$value) | abs(old$value - new$value) > 1e-9 * abs(old$value) + 1e-12)
  if (length(far) > 0) { print(cbind(old[far, ], new = new$value[far])); quit(status = 1) }
  cat(nrow(old), "numbers agree\n")
}
